"""How much the model's order counts beside the retrieval evidence: a weight learnt on sessions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from re2llm.catalog.candidates import Candidate
from re2llm.llm.ranking import RankAnswer
from re2llm.llm.weights import Weights

Array = NDArray[np.float64]

SAFE_WEIGHT = 0.25
"""Before there is data: the model settles near-ties of retrieval, and little else."""

_GRID = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0)
_FOLDS = 5
_CUT = 10
_FLAT = 1e-12
_HUGE = 1e100


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionExample:
    """A session whose next item is known, with what the model said of it."""

    candidates: tuple[Candidate, ...]
    answer: RankAnswer
    target: str


class SlateFusion(Weights):
    """Final score = z-scored retrieval score + weight x how early the model ranks the item.

    The model's part is the z-scored mean of the reciprocal logarithm of its rank and of its plain
    rank: the first tells the top apart, the second the rest. Items that it did not list share the
    mean of the places that it left, and a degraded answer that lists nothing gives no part at all.
    """

    called: ClassVar[str] = "fusion"

    weight: float = Field(default=SAFE_WEIGHT, ge=0)
    hinted: float | None = Field(default=None, ge=0)
    """The weight of an order that was given under a hint; None means `weight`. A model that adds
    nothing to retrieval by itself may add much once it is told how to judge."""
    sessions: int = Field(default=0, ge=0)
    """How many sessions the weight was learnt on; 0 means it is the safe default."""
    retrieval: float | None = None
    """Cross-validated NDCG@10 of retrieval alone on them."""
    fused: float | None = None
    """Cross-validated NDCG@10 of the fused slate on them."""

    def fuse(
        self, candidates: Sequence[Candidate], answer: RankAnswer, *, hinted: bool = False
    ) -> list[tuple[str, float]]:
        """Return every candidate's id with its final score, best first.

        Equal scores keep the retrieval order.
        """
        if not candidates:
            return []
        ids = [candidate.item.item_id for candidate in candidates]
        weight = self.hinted if hinted and self.hinted is not None else self.weight
        score = retrieval_part(candidates) + weight * model_part(ids, answer)
        order = np.argsort(-score, kind="stable")
        return [(ids[place], float(score[place])) for place in order]


def retrieval_part(candidates: Sequence[Candidate]) -> Array:
    """Return (candidates,) z-scored retrieval scores; what is no number counts as the lowest."""
    raw = np.array([candidate.score for candidate in candidates], dtype=np.float64)
    raw = np.clip(raw, -_HUGE, _HUGE)
    known = raw[~np.isnan(raw)]
    return _z(np.where(np.isnan(raw), known.min(initial=0.0), raw))


def model_part(ids: Sequence[str], answer: RankAnswer) -> Array:
    """Return (candidates,) z-scored credit for the model's rank; zeros where it said nothing."""
    count = len(ids)
    if answer.listed <= 0:
        return np.zeros(count)
    listed = min(answer.listed, count)
    credit, unlisted = _credits(count, listed)
    earned = dict(zip(answer.order[:listed], credit, strict=False))
    return _z(np.array([earned.get(item_id, unlisted) for item_id in ids]))


@lru_cache(maxsize=512)
def _credits(count: int, listed: int) -> tuple[tuple[float, ...], float]:
    """Return what each listed rank earns, and what an item that was not listed does."""
    ranks = np.arange(count, dtype=np.float64)
    credit = _z(1 / np.log2(ranks + 2)) + _z(-ranks)
    unlisted = credit[listed:].mean() if listed < count else credit.min()
    return tuple(credit[:listed].tolist()), float(unlisted)


def fit_weight(
    examples: Sequence[FusionExample], *, seed: int = 0, cautious: bool = True
) -> SlateFusion:
    """Learn the weight that makes the fused slates best.

    The weight is the one of a grid (0 among them) with the highest mean NDCG@10, or a smaller one
    within a standard error of its paired gain, since few sessions should not move slates
    far. It is kept only if weights chosen so on four fifths of the sessions gain on the last fifth;
    otherwise it is 0. Answers that list nothing give a slate no part, and are left out; those that
    list a little count, degraded or not, as they do in a slate.

    Args:
        examples: validation sessions, which neither the retriever nor the policy was fitted on.
        seed: of the split into folds.
        cautious: False takes the best weight itself; for orders that a gate judges anyway.
    """
    choose = _smallest if cautious else _best
    usable = [e for e in examples if e.answer.listed > 0 and _target(e) is not None]
    if len(usable) < 2 * _FOLDS:
        return SlateFusion()
    gains = np.array([_values(example) for example in usable])
    folds = np.random.default_rng(seed).permutation(len(usable)) % _FOLDS
    held_out = np.zeros(len(usable))
    for fold in range(_FOLDS):
        best = choose(gains[folds != fold])
        held_out[folds == fold] = gains[folds == fold, best]
    base = gains[:, 0]
    chosen = choose(gains) if held_out.mean() >= base.mean() else 0
    return SlateFusion(
        weight=_GRID[chosen],
        sessions=len(usable),
        retrieval=float(base.mean()),
        fused=float(held_out.mean() if chosen else base.mean()),
    )


def _best(values: Array) -> int:
    """Return the grid position of the best mean."""
    return int(values.mean(axis=0).argmax())


def _smallest(values: Array) -> int:
    """Return the smallest grid position within one standard error of the best."""
    best = _best(values)
    for position in range(best):
        loss = values[:, best] - values[:, position]
        if loss.mean() <= loss.std() / math.sqrt(len(loss)):
            return position
    return best


def _values(example: FusionExample) -> list[float]:
    """Return NDCG@10 at every weight of the grid."""
    ids = [candidate.item.item_id for candidate in example.candidates]
    target = ids.index(example.target)
    base, part = retrieval_part(example.candidates), model_part(ids, example.answer)
    values = []
    for weight in _GRID:
        score = base + weight * part
        ahead = (score > score[target]) | (
            (score == score[target]) & (np.arange(len(ids)) < target)
        )
        rank = int(ahead.sum())
        values.append(1 / math.log2(rank + 2) if rank < _CUT else 0.0)
    return values


def _target(example: FusionExample) -> str | None:
    ids = {candidate.item.item_id for candidate in example.candidates}
    return example.target if example.target in ids else None


def _z(values: Array) -> Array:
    """Return z-scores; zeros where the values differ by no more than rounding."""
    size = np.abs(values).max(initial=0.0)
    scaled = values / size if size > 0 else values
    spread = scaled.std() if len(scaled) else 0.0
    return (scaled - scaled.mean()) / spread if spread > _FLAT else np.zeros(len(values))
