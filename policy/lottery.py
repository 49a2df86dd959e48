"""A hint drawn by lot for each session: what every method must beat, trained and saved like one.

The lot is a hash of state, hint and seed, so that the same session gets the same hint anywhere.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.hint_side import HintSide
from re2llm.policy.training import Ledger, Point, Problem, Progress, RewardSource, Trained

_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_BATCH = 250


class LotteryScorer:
    """Scores in (0, 1] that mean nothing; any hint may be the best, no hint never is."""

    kind = "lottery"
    predicts_gain = False

    def __init__(self, seed: int, *, features: int, dim: int) -> None:
        """Draw by this seed; the sizes say what the policy was made beside."""
        self._seed = seed
        self.features = features
        self.dim = dim

    def known(self) -> tuple[str, ...]:
        """Return nothing: no hint has parameters of its own."""
        return ()

    def scores(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        """Return (sessions, hints) lots."""
        rows = np.array([_number(state.tobytes(), self._seed) for state in states], np.uint64)
        columns = np.array([_number(one.encode(), self._seed) for one in hints.ids], np.uint64)
        return (_mixed(rows[:, None] ^ columns[None, :]).astype(np.float64) + 1) / 2.0**64

    def spreads(
        self,
        states: NDArray[np.float32],  # noqa: ARG002
        hints: HintSide,  # noqa: ARG002
        picks: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        """Return zeros."""
        return np.zeros(picks.shape)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return seed and sizes."""
        return {"lottery": torch.tensor([self._seed, self.features, self.dim])}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor]) -> "LotteryScorer":
        """Rebuild from `tensors()`; raises `KeyError` or `ValueError`."""
        seed, features, dim = (int(number) for number in tensors["lottery"])
        return cls(seed, features=features, dim=dim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lottery:
    """Pays for pairs drawn uniformly, which other methods can go on from, and learns nothing."""

    name: str = "random"

    async def train(
        self,
        problem: Problem,
        source: RewardSource,
        *,
        calls: int,
        seed: int,
        progress: Progress | None = None,
    ) -> Trained:
        """Spend the calls."""
        ledger = Ledger(problem, source, calls)
        features, dim = problem.states.shape[1], problem.hints.vectors.shape[1]
        scorer = LotteryScorer(seed, features=features, dim=dim)
        pairs = np.random.default_rng(seed).permutation(np.argwhere(~ledger.asked))
        curve: list[Point] = []
        for start in range(0, ledger.budget, _BATCH):
            part = pairs[start : min(start + _BATCH, ledger.budget)]
            rewards = await ledger.pay(part[:, 0], part[:, 1])
            known = rewards[np.isfinite(rewards)]
            mean = float(known.mean()) if len(known) else float("nan")
            curve.append(Point(calls=ledger.spent, reward=mean, hinted=1.0))
            if progress is not None:
                progress(curve[-1], lambda: scorer)
        return Trained(scorer=scorer, curve=tuple(curve), logged=ledger.logged())


def _number(text: bytes, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(text + b"\0" + str(seed).encode()).digest()[:8])


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers so that every bit depends on all (Stafford's variant 13)."""
    thirty, twenty_seven, thirty_one = (np.uint64(n) for n in (30, 27, 31))
    numbers = (numbers ^ (numbers >> thirty)) * _FIRST
    numbers = (numbers ^ (numbers >> twenty_seven)) * _SECOND
    return np.asarray(numbers ^ (numbers >> thirty_one), dtype=np.uint64)
