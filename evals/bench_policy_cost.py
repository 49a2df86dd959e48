"""What learning and choosing cost by themselves: no model call, everything in memory.

Run as `python -m re2llm.evals.bench_policy_cost`. A full training run is 500 sessions under 20
hints with all 10,000 rewards cached, for several budgets; choosing is one batch of sessions among
many hints, most of which the policy has never been trained on. Sessions have as many features, and
hints as long vectors, as in serving. One thread each; what is timed is the thread's own processor
time, so that other work on the machine does not count, with the wall clock beside it.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from re2llm.catalog.hashing import HashingEncoder
from re2llm.evals.worlds import WORLDS, TableRewards, World, draw_world
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible
from re2llm.policy.features import FEATURE_GROUPS, FEATURE_NAMES
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson

AIM_TRAINING, AIM_CHOOSING = 10.0, 0.020
BATCH = 64


def sized_world(seed: int) -> World:
    """Draw a world with as many features, and hint vectors as long, as in serving."""
    kind = replace(WORLDS["strong"], features=len(FEATURE_NAMES), dim=HashingEncoder().dim)
    world = draw_world(kind, seed)
    return replace(world, problem=replace(world.problem, groups=FEATURE_GROUPS))


def many_hints(world: World, count: int, seed: int) -> Eligible:
    """Return so many active hints: those of the world, and others that it never saw."""
    draws = np.random.default_rng(seed)
    known = world.problem.hints
    others = draws.standard_normal((count - len(known), known.vectors.shape[1]))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    ids = (*known.ids, *(f"n{number:05d}" for number in range(len(others))))
    hints = tuple(Hint(hint_id=one, text=one, status=Status.ACTIVE) for one in ids)
    vectors = np.concatenate([known.vectors, others.astype(np.float32)])
    return Eligible(hints=hints, vectors=vectors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """What something took."""

    own: float
    wall: float


def timed(what: Callable[[], object]) -> Seconds:
    """Do it once."""
    own, wall = time.process_time(), time.perf_counter()
    what()
    return Seconds(own=time.process_time() - own, wall=time.perf_counter() - wall)


def train(world: World, calls: int, seed: int) -> Scorer:
    """Train the default learner."""
    source = TableRewards(world.problem.hints.ids, world.rewards)
    return asyncio.run(Thompson().train(world.problem, source, calls=calls, seed=seed)).scorer


def choosing(world: World, scorer: Scorer, counts: Sequence[int], runs: int) -> Table:
    """Time a batch of choices, and one session's shortlist, among so many hints."""
    policy = ScoringPolicy(scorer=scorer, name="bench")
    states = world.held_out[:BATCH]
    table = Table(
        "hints", f"{BATCH} sessions, ms", "wall", "first batch, ms", "one session's shortlist, ms",
        title=f"choosing, median (least to most) of {runs}; aim at 10,000 hints: "
        f"< {1000 * AIM_CHOOSING:.0f} ms",
    )  # fmt: skip
    for count in counts:
        eligible = many_hints(world, count, seed=0)
        first = timed(lambda: policy.choose_many(states, eligible))  # noqa: B023
        batch = [timed(lambda: policy.choose_many(states, eligible)) for _ in range(runs)]  # noqa: B023
        short = [timed(lambda: policy.shortlist(states[0], eligible, 256)) for _ in range(runs)]  # noqa: B023
        table.add_row(
            f"{count:,}",
            _span([1000 * one.own for one in batch]),
            _span([1000 * one.wall for one in batch]),
            f"{1000 * first.own:.0f}",
            _span([1000 * one.own for one in short]),
        )
    return table


def training(seeds: int, budgets: Sequence[int]) -> Table:
    """Time whole trainings."""
    table = Table(
        "calls", "s", "wall", title=f"training, 500 x 20, {seeds} seeds; aim < {AIM_TRAINING:.0f} s"
    )
    for calls in budgets:
        worlds = [sized_world(seed) for seed in range(seeds)]
        seconds = [timed(lambda: train(worlds[seed], calls, seed)) for seed in range(seeds)]  # noqa: B023
        table.add_row(
            f"{calls:,}",
            _span([one.own for one in seconds]),
            _span([one.wall for one in seconds]),
        )
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hints", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budgets", type=int, nargs="+", default=[2000, 10000])
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    world = sized_world(0)
    scorer = train(world, 2000, seed=0)
    console = Console(width=110)
    console.print(choosing(world, scorer, given.hints, given.runs))
    console.print(training(given.seeds, given.budgets))


def _span(values: Sequence[float]) -> str:
    return f"{np.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
