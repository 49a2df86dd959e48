"""What a ranking is worth when exactly one item is right: vectors, one value per session.

Everything works on ranks: 1 is the first place, infinity means that the target is not listed, which
makes every metric 0 there without a special case. Means are the caller's business, so that
intervals can be bootstrapped over sessions.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from re2llm.errors import UserError

Values = NDArray[np.float64]
MISSING = math.inf
"""Rank of a target that is not listed."""


def order_by_score(scores: Mapping[str, float], *, salt: str = "") -> tuple[str, ...]:
    """Order items by falling score.

    Equal scores are put in an order that depends on the item's id and `salt` (the session's id)
    alone: published candidate lists often hold the target at a fixed place, and keeping their order
    among equals would give it away.

    Raises:
        ValueError: a score is not a number.
    """
    for item_id, score in scores.items():
        if math.isnan(score):
            raise ValueError(f"the score of item {item_id!r} is not a number")
    if len(set(scores.values())) == len(scores):  # no lots to draw
        return tuple(sorted(scores, key=scores.__getitem__, reverse=True))
    return tuple(sorted(scores, key=lambda item_id: (-scores[item_id], _lot(item_id, salt))))


@lru_cache(maxsize=4096)
def _lot(item_id: str, salt: str) -> bytes:
    return hashlib.blake2b(f"{salt}\0{item_id}".encode(), digest_size=8).digest()


def rank_of_target(ranking: Sequence[str], target: str) -> float:
    """Return the target's place, from 1; infinity if it is not listed; its first if repeated."""
    try:
        return float(ranking.index(target) + 1)
    except ValueError:
        return MISSING


def ranks(rankings: Sequence[Sequence[str]], targets: Sequence[str]) -> Values:
    """Return (sessions,) the rank of each session's target in its ranking.

    Raises:
        ValueError: there are not as many rankings as targets.
    """
    pairs = zip(rankings, targets, strict=True)
    return np.array([rank_of_target(ranking, target) for ranking, target in pairs])


def hit_rate(target_ranks: Values, k: int) -> Values:
    """Return (sessions,) 1 where the target is among the first k places, else 0."""
    return (_checked(target_ranks) <= _places(k)).astype(np.float64)


def ndcg(target_ranks: Values, k: int) -> Values:
    """Return (sessions,) 1 / log2(rank + 1) within the first k places, else 0.

    This is NDCG@k with one relevant item: the ideal ranking's gain is 1 (Järvelin and Kekäläinen,
    2002).
    """
    checked = _checked(target_ranks)
    return np.where(checked <= _places(k), 1 / np.log2(checked + 1), 0.0)


def reciprocal_rank(target_ranks: Values) -> Values:
    """Return (sessions,) 1 / rank over the whole ranking, 0 where the target is not listed."""
    return 1 / _checked(target_ranks)


def _checked(target_ranks: Values) -> Values:
    given = np.asarray(target_ranks, dtype=np.float64)
    if not (given >= 1).all():
        raise ValueError("ranks start at 1; a target that is not listed has rank infinity")
    return given


def _places(k: int) -> int:
    if k < 1:
        raise ValueError(f"k is {k}; a ranking has at least one place")
    return k


@dataclass(frozen=True, slots=True)
class Metric:
    """A named column of a table; `k` is ignored by MRR."""

    kind: Literal["HR", "NDCG", "MRR"]
    k: int = 0

    @property
    def name(self) -> str:
        """Name the column as the field does: `HR@5`, `NDCG@10`, `MRR`."""
        return self.kind if self.kind == "MRR" else f"{self.kind}@{self.k}"

    def values(self, target_ranks: Values) -> Values:
        """Return (sessions,) the metric of each session."""
        if self.kind == "HR":
            return hit_rate(target_ranks, self.k)
        if self.kind == "NDCG":
            return ndcg(target_ranks, self.k)
        return reciprocal_rank(target_ranks)


MAIN = (Metric("HR", 1), Metric("HR", 5), Metric("HR", 10), Metric("NDCG", 10), Metric("MRR"))
"""The columns of the main table."""

HEADLINE = Metric("NDCG", 10)
"""The one that decides."""


def metric_named(name: str) -> Metric:
    """Return the main table's metric of this name.

    Raises:
        UserError: it has none.
    """
    for metric in MAIN:
        if metric.name == name:
            return metric
    raise UserError(f"no metric {name!r}; there are {', '.join(one.name for one in MAIN)}")
