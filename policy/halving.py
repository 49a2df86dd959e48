"""The best static hint with few calls: sequential halving (Karnin, Koren and Somekh 2013).

All hints are tried on the same sessions, the worse half is dropped, and the calls that are left go
to the rest. What remains is what a learnt policy must beat.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from re2llm.policy.constant import ConstantScorer
from re2llm.policy.training import Ledger, Point, Problem, Progress, RewardSource, Trained

STATIC = "static"
"""Names the policy that gives all sessions one hint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halving:
    """Finds one hint for all sessions; it is served only where it helps on average."""

    name: str = STATIC

    async def train(
        self,
        problem: Problem,
        source: RewardSource,
        *,
        calls: int,
        seed: int,
        progress: Progress | None = None,
    ) -> Trained:
        """Halve the hints until one is left."""
        draws = np.random.default_rng(seed)
        ledger = Ledger(problem, source, calls)
        left = np.arange(len(problem.hints))
        order = draws.permutation(len(problem.states))
        rounds = max(math.ceil(math.log2(len(left))), 1)
        curve: list[Point] = []
        done = 0
        for _ in range(rounds):
            share = max(ledger.budget // rounds // len(left), 1)
            sessions = order[done : done + share]
            done += len(sessions)
            if not len(sessions) or not ledger.left:
                break
            rewards = await ledger.pay(np.repeat(sessions, len(left)), np.tile(left, len(sessions)))
            means = _means(ledger, left)
            left = np.sort(left[np.argsort(-means, kind="stable")[: (len(left) + 1) // 2]])
            point = Point(
                calls=ledger.spent,
                reward=float(np.nanmean(rewards)) if np.isfinite(rewards).any() else math.nan,
                hinted=float(means.max() > 0),
            )
            curve.append(point)
            if progress is not None:
                progress(point, partial(_scorer, problem, ledger, left))
        scorer = _scorer(problem, ledger, left)
        return Trained(scorer=scorer, curve=tuple(curve), logged=ledger.logged())


def _means(ledger: Ledger, hints: NDArray[np.intp]) -> NDArray[np.float64]:
    table = ledger.table[:, hints]
    known = np.isfinite(table)
    means = np.where(known, table, 0.0).sum(axis=0) / known.sum(axis=0).clip(1)
    return np.where(known.any(axis=0), means, -np.inf)


def _scorer(problem: Problem, ledger: Ledger, left: NDArray[np.intp]) -> ConstantScorer:
    means = _means(ledger, left)
    best = int(means.argmax())
    gains = torch.full((len(problem.hints),), -1.0, dtype=torch.float64)
    if np.isfinite(means[best]):
        gains[int(left[best])] = float(means[best])
    return ConstantScorer(
        problem.hints.ids,
        gains,
        features=problem.states.shape[1],
        dim=problem.hints.vectors.shape[1],
    )
