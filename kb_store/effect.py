"""What a hint was worth in a trial: paired differences of the metric, with a bound."""

import math
from collections.abc import Sequence
from typing import Protocol

from scipy.special import stdtrit

from re2llm.kb_store.hint import Evidence
from re2llm.llm.reflection import Failure


class TrialUnavailable(Exception):
    """The trial could not be run now (no budget, no model): nothing was learnt about the hint."""


class Trial(Protocol):
    """Asks the very reranker that serves, with the hint and without, and compares the metric.

    Both raise `TrialUnavailable` where they could not measure.
    """

    async def own_gain(self, failure: Failure, hint_text: str) -> float:
        """Return metric with minus metric without, on the session that failed."""

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> Sequence[float]:
        """Return the same on up to n held-out sessions, the most similar first; NaN if unknown.

        Asking for more later begins with the same sessions, from a cache.
        """


def evidence(own_gain: float, gains: Sequence[float], confidence: float) -> Evidence:
    """Sum up a trial; the lower bound is Student's, one-sided, and -inf-like (-1) below n = 2.

    Gains that are no numbers are left out.
    """
    known = [gain for gain in gains if math.isfinite(gain)]
    n = len(known)
    if n == 0:
        return Evidence(own_gain=own_gain, gain=0.0, low=-1.0, sessions=0)
    mean = math.fsum(known) / n
    if n == 1:
        return Evidence(own_gain=own_gain, gain=mean, low=-1.0, sessions=1)
    variance = math.fsum((gain - mean) ** 2 for gain in known) / (n - 1)
    margin = float(stdtrit(n - 1, confidence)) * math.sqrt(variance / n)
    return Evidence(own_gain=own_gain, gain=mean, low=mean - margin, sessions=n)
