"""Which action is best for each session, by score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """The best action of one session, before exploration.

    Attributes:
        column: the hint's column, or None for no hint.
        score: predicted score of that action; 0 for no hint.
    """

    column: int | None
    score: float


def top(scores: NDArray[np.float64], m: int) -> NDArray[np.intp]:
    """Return (sessions, m) columns of the highest scores, best first; the first of equals leads.

    A few passes for the maximum are quicker than sorting, and settle ties alike in any batch.
    """
    m = min(m, scores.shape[1])
    left = scores.copy() if m > 1 else scores
    rows = np.arange(len(scores))
    found = np.empty((len(scores), m), dtype=np.intp)
    for place in range(m):
        found[:, place] = left.argmax(axis=1)
        if place < m - 1:
            left[rows, found[:, place]] = -np.inf
    return found


def largest(scores: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Return the places of the n largest scores, in no order."""
    if n >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, n - 1)[:n]


def rewards_of(table: NDArray[np.float64], picks: Sequence[Pick]) -> NDArray[np.float64]:
    """Return each session's reward under these picks.

    Args:
        table: (sessions, hints) rewards.
        picks: one per session.
    """
    return np.array(
        [0.0 if pick.column is None else table[row, pick.column] for row, pick in enumerate(picks)]
    )
