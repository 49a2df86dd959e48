"""How a drafted hint is tried: on the session that failed, and on its nearest relatives."""

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import islice
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.encoder import TextEncoder, encode_or_none
from re2llm.catalog.items import Item
from re2llm.graph.cases import Case
from re2llm.graph.measure import Measure
from re2llm.kb_store.effect import TrialUnavailable
from re2llm.llm.reflection import Failure
from re2llm.policy.features import session_features

_WORDS = 1.0
"""What likeness in words counts beside the mean squared distance in features."""


class _Found(NamedTuple):
    features: NDArray[np.float32]
    spread: NDArray[np.float32]
    vectors: NDArray[np.float32]


class SimilarSessions:
    """Measures hints on cases that look like the failed one; the failed session is not among them.

    Alike are sessions that a policy could tell from others: near by the evidence features that it
    sees, and a little by what their items are called.

    The cases are made when the first hint is tried: most processes never try one.
    """

    def __init__(
        self, make_cases: Callable[[], Sequence[Case]], measure: Measure, encoder: TextEncoder
    ) -> None:
        """Try on these cases.

        Args:
            make_cases: returns sessions with a known next item; called once, off the event loop.
            measure: asks and judges.
            encoder: makes vectors of items' titles.
        """
        self._make_cases = make_cases
        self._measure = measure
        self._encoder = encoder
        self._making = Lock()

    async def own_gain(self, failure: Failure, hint_text: str) -> float:
        """Return the gain on the failed session itself."""
        gain = await self._measure.gain(failure.task, failure.target, hint_text)
        if gain is None:
            raise TrialUnavailable("the model gave no full answer")
        return gain

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> Sequence[float]:
        """Return the gains on up to n similar cases, nearest first; NaN where there is none.

        Raises:
            TrialUnavailable: most could not be measured.
        """
        like = await asyncio.to_thread(self._like, failure, n)
        gains = await self._measure.each_gain(like, hint_text)
        there = sum(gain is not None for gain in gains)
        if 2 * there < len(gains):
            raise TrialUnavailable(
                f"the model gave {there} full answers where {len(gains)} were due"
            )
        return [math.nan if gain is None else gain for gain in gains]

    def _like(self, failure: Failure, n: int) -> list[Case]:
        with self._making:
            cases, found = self._indexed
        if not cases:
            return []
        task = failure.task
        own = tuple(item.item_id for item in task.session)
        features = session_features(task.session, task.candidates, task.request)
        far = np.square((found.features - features) / found.spread).mean(axis=1)
        vector = encode_or_none(self._encoder, _words(task.session))
        if vector is not None:
            far -= _WORDS * (found.vectors @ vector)
        others = (
            cases[position]
            for position in np.argsort(far, kind="stable")
            if tuple(item.item_id for item in cases[position].task.session) != own
        )
        return list(islice(others, n))

    @cached_property
    def _indexed(self) -> tuple[Sequence[Case], _Found]:
        cases = self._make_cases()
        features = np.array([case.features for case in cases], dtype=np.float32)
        spread = features.std(axis=0) if len(cases) else np.ones(0, dtype=np.float32)
        vectors = self._encoder.encode([_words(case.task.session) for case in cases])
        return cases, _Found(features, np.where(spread > 0, spread, 1), vectors)


def _words(session: Sequence[Item]) -> str:
    return " ".join(item.title for item in session[-5:])
