"""Which learner finds the most of what hints can give, with the fewest model calls.

Run as `python -m re2llm.evals.bench_policy`. No language model: planted worlds, in which the truth
is known. The figure is the share of the held-out oracle's gain (the best policy on states), against
unique (session, hint) calls; in the world where nothing helps it is the share of sessions given a
hint. Each session that is asked about costs one call more, once, for its order without a hint: the
column "base calls".
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from re2llm.evals.bench_policy_published import Published
from re2llm.evals.worlds import WORLDS, TableRewards, draw_world
from re2llm.policy.halving import Halving
from re2llm.policy.neural import NeuralThompson
from re2llm.policy.picks import rewards_of
from re2llm.policy.ppo import PPO
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson, linear_thompson
from re2llm.policy.training import Point, Trainer

MARKS = (500, 1000, 2000, 4000, 10000)

LEARNERS: dict[str, Trainer] = {
    "top-two (default)": Thompson(),
    "same beliefs, thompson": Thompson(asking="thompson"),
    "same beliefs, uniform": Thompson(asking="uniform"),
    "linear thompson": linear_thompson(),
    "linear, uniform": linear_thompson("uniform"),
    "neural thompson": NeuralThompson(networks=4, steps=40),
    "ppo": PPO(),
    "ppo as published": Published(),
    "static": Halving(),
}
_NEEDS_ITS_BUDGET = ("static",)
_DEFAULT = "top-two (default)"
_RANDOM = "random hint"
AIMS = (("strong", 1000, 0.93), ("strong", 2000, 0.95), ("weak", 2000, 0.75), ("weak", 4000, 0.85))
"""World, calls, and the median share that the default must reach."""
_BENT = ("non-linear", "exclusive or")
_MOST_HINTED = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One learner in one draw of a world, at one budget.

    Attributes:
        share: of the oracle's gain; of nothing, where nothing helps, NaN.
        gain: mean held-out reward over no hint.
        hinted: share of held-out sessions given a hint.
        bases: sessions asked about so far, each of which costs one further call.
        seconds: spent on learning so far, the world's rewards being free.
    """

    world: str
    learner: str
    seed: int
    calls: int
    share: float
    gain: float
    hinted: float
    bases: int
    seconds: float


def run_one(world: str, learner: str, seed: int, marks: Sequence[int]) -> list[Result]:
    """Train one learner in one draw of a world and judge it at each budget."""
    if learner in _NEEDS_ITS_BUDGET:
        return [result for mark in marks for result in _run(world, learner, seed, (mark,))]
    return _run(world, learner, seed, marks)


def _run(world: str, learner: str, seed: int, marks: Sequence[int]) -> list[Result]:
    drawn = draw_world(WORLDS[world], seed)
    oracle = drawn.oracle()
    if learner == _RANDOM:
        gain = float(drawn.truth.mean())
        share = gain / oracle if oracle > 0 else float("nan")
        return [
            Result(
                world=world, learner=learner, seed=seed, calls=mark, share=share, gain=gain,
                hinted=1.0, bases=0, seconds=0.0,
            )
            for mark in marks
        ]  # fmt: skip
    source = TableRewards(drawn.problem.hints.ids, drawn.rewards)
    results: list[Result] = []
    left = list(marks)
    start = time.perf_counter()

    def judge(calls: int, scorer: Scorer) -> None:
        policy = ScoringPolicy(scorer=scorer, name=learner)
        picks = policy.best(drawn.held_out, drawn.problem.hints)
        gain = float(rewards_of(drawn.truth, picks).mean())
        result = Result(
            world=world,
            learner=learner,
            seed=seed,
            calls=calls,
            share=gain / oracle if oracle > 0 else float("nan"),
            gain=gain,
            hinted=float(np.mean([pick.column is not None for pick in picks])),
            bases=source.bases,
            seconds=time.perf_counter() - start,
        )
        results.append(result)

    def watch(point: Point, make: Callable[[], Scorer]) -> None:
        if left and point.calls >= left[0]:
            judge(left.pop(0), make())

    trained = asyncio.run(
        LEARNERS[learner].train(drawn.problem, source, calls=marks[-1], seed=seed, progress=watch)
    )
    for mark in left:
        judge(mark, trained.scorer)
    return results


def run_all(
    worlds: Sequence[str], learners: Sequence[str], seeds: int, marks: Sequence[int], jobs: int
) -> list[Result]:
    """Run every combination, in processes of one thread each."""
    tasks = [(w, n, s, marks) for w in worlds for n in learners for s in range(seeds)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        parts = pool.map(run_one, *zip(*tasks, strict=True))
        return [result for part in parts for result in part]


def render(results: Sequence[Result], world: str, marks: Sequence[int]) -> Table:
    """Return a world's table: median over seeds, with least and most."""
    nothing = WORLDS[world].effect == 0
    what = "share of sessions given a hint" if nothing else "share of the oracle's gain"
    columns = (*(f"{mark} calls" for mark in marks), "base calls", "s")
    table = Table("learner", *columns, title=f"{world}: {what}")
    for learner in dict.fromkeys(r.learner for r in results if r.world == world):
        own = [r for r in results if (r.world, r.learner) == (world, learner)]
        cells = []
        for mark in marks:
            found = [r.hinted if nothing else r.share for r in own if r.calls == mark]
            cells.append(f"{np.median(found):.2f} [{min(found):.2f}, {max(found):.2f}]")
        last = [r for r in own if r.calls == marks[-1]]
        seconds = np.median([r.seconds for r in last])
        bases = np.median([r.bases for r in last])
        table.add_row(learner, *cells, f"{bases:.0f}", f"{seconds:.0f}")
    return table


def check_aims(results: Sequence[Result]) -> list[str]:
    """Say of each aim for the default learner whether these results meet it."""

    def median(world: str, learner: str, calls: int, what: str = "share") -> float:
        found = [
            getattr(r, what)
            for r in results
            if (r.world, r.learner, r.calls) == (world, learner, calls)
        ]
        return float(np.median(found)) if found else float("nan")

    lines = []
    for world, calls, least in AIMS:
        share = median(world, _DEFAULT, calls)
        if share == share:
            lines.append(_verdict(f"{world}, {calls} calls", share, least, share >= least))
    learners = {r.learner for r in results} - {_DEFAULT}
    for world in _BENT:
        for calls in sorted({r.calls for r in results if r.world == world}):
            share = median(world, _DEFAULT, calls)
            best = (
                max((median(world, name, calls), name) for name in learners) if learners else None
            )
            if best is not None and share == share:
                aim = _verdict(f"{world}, {calls} calls", share, best[0], share >= best[0])
                lines.append(f"{aim} (best of the others: {best[1]})")
    nothing = [r for r in results if WORLDS[r.world].effect == 0 and r.learner == _DEFAULT]
    if nothing:
        most = max(r.hinted for r in nothing)
        verdict = "met" if most < _MOST_HINTED else "missed"
        lines.append(f"nothing helps: at most {most:.1%} of sessions hinted, aim < 2 %: {verdict}")
    return lines


def _verdict(what: str, found: float, least: float, met: bool) -> str:
    return f"{what}: {found:.3f}, aim >= {least:.3f}: {'met' if met else 'missed'}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and show its tables."""
    names = [*LEARNERS, _RANDOM]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--learners", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--most", type=int, default=MARKS[-1], help="largest budget")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="write all numbers there, as JSON lines")
    given = parser.parse_args(arguments)
    marks = [mark for mark in MARKS if mark <= given.most] or [given.most]
    results = run_all(given.worlds, given.learners, given.seeds, marks, given.jobs)
    if given.out is not None:
        lines = [json.dumps(asdict(result)) for result in results]
        given.out.write_text("\n".join(lines) + "\n", "utf-8")
    console = Console(width=130)
    for world in given.worlds:
        console.print(render(results, world, marks))
    for line in check_aims(results):
        console.print(f"- {line}", highlight=False)


if __name__ == "__main__":
    main()
