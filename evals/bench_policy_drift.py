"""How soon a learner finds its way again when hints come and go, or when their effects change.

Run as `python -m re2llm.evals.bench_policy_drift`. No language model: planted worlds. A learner
spends its calls, the world changes, and it goes on from what it knows; counted are the further
calls until its held-out share of the new oracle's gain is 90 % of its share before.
"""

import argparse
import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from re2llm.evals.worlds import WORLDS, TableRewards, World, draw_world
from re2llm.policy.picks import rewards_of
from re2llm.policy.ppo import PPO
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson, linear_thompson
from re2llm.policy.training import Point, Problem, Trained, Trainer

CALLS = 2000
"""Before the change, and at most after it."""
RECOVERED = 0.9
_SWAPPED = 5

LEARNERS: dict[str, tuple[Trainer, bool]] = {
    "top-two (default), goes on": (Thompson(), True),
    "top-two, never forgets": (Thompson(mistrust=float("inf")), True),
    "top-two, starts over": (Thompson(), False),
    "linear thompson, goes on": (linear_thompson(), True),
    "ppo, starts over": (PPO(), False),
}
"""By name: how to learn, and whether what was paid for before is handed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A world before and after.

    Attributes:
        before: what is learnt in first.
        after: what is learnt in then; its problem's sessions begin with those of `before`.
        kept: (hints of after,) the same hint's column before, -1 for a new one.
    """

    before: World
    after: World
    kept: NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One learner through one change.

    Attributes:
        held: share of the oracle's gain before the change.
        fallen: share of the new oracle's gain by the policy as it was.
        hundred: share after about a hundred further calls.
        final: share at the end.
        recovered: further calls until 90 % of `held`; infinite where that never came.
    """

    change: str
    learner: str
    seed: int
    held: float
    fallen: float
    hundred: float
    final: float
    recovered: float


def hints_come_and_go(seed: int) -> Change:
    """Take five of the ten most useful hints away and bring the other five."""
    kind = replace(WORLDS["strong"], hints=20 + _SWAPPED)
    world = draw_world(kind, seed)
    useful = np.bincount(world.attainable.argmax(axis=1), minlength=kind.hints)
    order = np.argsort(-useful, kind="stable")
    leaving, coming = order[: 2 * _SWAPPED : 2], order[1 : 2 * _SWAPPED : 2]
    first = np.setdiff1d(np.arange(kind.hints), coming)
    second = np.setdiff1d(np.arange(kind.hints), leaving)
    places = {int(hint): place for place, hint in enumerate(first)}
    kept = np.array([places.get(int(hint), -1) for hint in second], dtype=np.intp)
    return Change(before=_with_hints(world, first), after=_with_hints(world, second), kept=kept)


def effects_change(seed: int) -> Change:
    """Let hints do something else in half of the kinds of session; new sessions come, too."""
    kind = replace(WORLDS["strong"], sessions=2 * WORLDS["strong"].sessions)
    before, after = draw_world(kind, seed), draw_world(kind, seed, changed=0.5)
    half = kind.sessions // 2
    early = replace(
        before,
        problem=replace(before.problem, states=before.problem.states[:half]),
        rewards=before.rewards[:half],
    )
    return Change(before=early, after=after, kept=np.arange(kind.hints))


CHANGES: dict[str, Callable[[int], Change]] = {
    "hints come and go": hints_come_and_go,
    "effects change": effects_change,
}


def run_one(change: str, learner: str, seed: int) -> Result:
    """Take one learner through one change."""
    drawn = CHANGES[change](seed)
    trainer, goes_on = LEARNERS[learner]
    first = _train(drawn.before, trainer, seed, CALLS, lambda _point, _scorer: None)
    after = drawn.after
    if goes_on:
        known = _handed_on(drawn, first)
        after = replace(after, problem=replace(after.problem, known=known))
    shares: list[tuple[int, float]] = []

    def watch(point: Point, scorer: Callable[[], Scorer]) -> None:
        shares.append((point.calls, _share(after, scorer())))

    trained = _train(after, trainer, seed, CALLS, watch)
    held = _share(drawn.before, first.scorer)
    reached = (calls for calls, share in shares if share >= RECOVERED * held)
    return Result(
        change=change,
        learner=learner,
        seed=seed,
        held=held,
        fallen=_share(after, first.scorer),
        hundred=next((share for calls, share in shares if calls >= 100), float("nan")),
        final=_share(after, trained.scorer),
        recovered=next(reached, float("inf")),
    )


def render(results: Sequence[Result], change: str) -> Table:
    """Return a change's table: medians over seeds, with least and most."""
    table = Table(
        "learner", "held before", "as it was", "100 calls on", f"{CALLS} on", "calls to 90 %",
        title=f"{change}: share of the held-out oracle's gain",
    )  # fmt: skip
    for learner in LEARNERS:
        own = [r for r in results if (r.change, r.learner) == (change, learner)]
        if own:
            shares = [
                [r.held for r in own],
                [r.fallen for r in own],
                [r.hundred for r in own],
                [r.final for r in own],
            ]
            calls = [r.recovered for r in own]
            table.add_row(
                learner,
                *(f"{np.median(v):.2f} [{min(v):.2f}, {max(v):.2f}]" for v in shares),
                f"{np.median(calls):.0f} [{min(calls):.0f}, {max(calls):.0f}]",
            )
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and show its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", nargs="+", choices=CHANGES, default=list(CHANGES))
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    tasks = [(c, n, s) for c in given.changes for n in given.learners for s in range(given.seeds)]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(run_one, *zip(*tasks, strict=True)))
    console = Console(width=130)
    for change in given.changes:
        console.print(render(results, change))


def _with_hints(world: World, columns: NDArray[np.intp]) -> World:
    problem = Problem(states=world.problem.states, hints=world.problem.hints.part(columns))
    return replace(
        world,
        problem=problem,
        rewards=world.rewards[:, columns],
        truth=world.truth[:, columns],
        attainable=world.attainable[:, columns],
    )


def _handed_on(change: Change, first: Trained) -> NDArray[np.float64]:
    """Return (sessions, hints) of after: what was paid for before, if the hint is still there."""
    problem = change.before.problem
    paid = np.full((len(problem.states), len(problem.hints)), np.nan)
    paid[first.logged.sessions, first.logged.hints] = first.logged.rewards
    known = np.full((len(change.after.problem.states), len(change.kept)), np.nan)
    there = change.kept >= 0
    known[: len(paid), there] = paid[:, change.kept[there]]
    return known


def _train(
    world: World,
    trainer: Trainer,
    seed: int,
    calls: int,
    watch: Callable[[Point, Callable[[], Scorer]], None],
) -> Trained:
    source = TableRewards(world.problem.hints.ids, world.rewards)
    return asyncio.run(trainer.train(world.problem, source, calls=calls, seed=seed, progress=watch))


def _share(world: World, scorer: Scorer) -> float:
    policy = ScoringPolicy(scorer=scorer, name="drift")
    picks = policy.best(world.held_out, world.problem.hints)
    return float(rewards_of(world.truth, picks).mean()) / world.oracle()


if __name__ == "__main__":
    main()
