"""Which learner finds most with the fewest calls on a shop's own sessions, every pair paid for.

Run as `python -m re2llm.evals.bench_table WORKSPACE` on a workspace with hints; settings name the
model, as everywhere. It pays once for every training and held-out session with every hint (kept in
the workspace: stopped, it goes on), then lets each learner see only what it would have asked for,
and judges it on the held-out sessions by the model's own order, in NDCG@10. A "call" is a (session,
hint) pair; the plain orders, one for each session that is asked about, come on top.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from re2llm.errors import UserError
from re2llm.evals.baselines import evidence_of
from re2llm.evals.bench_policy import LEARNERS
from re2llm.evals.main_table import fit_blend_on
from re2llm.evals.results import model_label
from re2llm.evals.session_extras import groups_with, session_extras
from re2llm.evals.worlds import TableRewards
from re2llm.graph.cases import Case
from re2llm.graph.folds import make_folds
from re2llm.graph.judging import known_gains, paid_rewards
from re2llm.graph.measure import reciprocal_log_rank
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.kb_store.hint import Status
from re2llm.kb_store.store import Eligible
from re2llm.llm.mix import Mix
from re2llm.policy.bootstrap import mean_interval
from re2llm.policy.features import FEATURE_GROUPS
from re2llm.policy.hint_side import hint_side
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson
from re2llm.policy.training import Point, Problem, Trainer
from re2llm.settings import read_settings

DEFAULT = "top-two (default)"
ONE_GROUP = "default, features in one group"
_DEPTH = 10
_DRAWS = 2000

Gains = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """Sessions with what every hint changes.

    Attributes:
        gains: (cases, hints) NDCG@10 with the hint minus without, by the model's order.
        base: (cases,) NDCG@10 without a hint.
        more: (cases, numbers) features on trial, beside those of the cases.
    """

    cases: Sequence[Case]
    gains: Gains
    base: Gains
    more: NDArray[np.float32] | None = None

    @property
    def states(self) -> NDArray[np.float32]:
        """(cases, features), those on trial last."""
        own = np.stack([case.features for case in self.cases])
        return own if self.more is None else np.hstack([own, self.more])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A learner after so many calls: (held-out,) gains of what its policy picks."""

    learner: str
    calls: int
    gains: Gains
    hinted: float


async def pay_for_all(parts: Parts, cases: Sequence[Case], eligible: Eligible) -> Rewards:
    """Measure every case with every hint; those that the model failed on are left out."""
    texts = {hint.hint_id: hint.text for hint in eligible.hints}
    source = paid_rewards(parts, cases, texts)
    started = time.perf_counter()
    for done, row in enumerate(range(len(cases)), 1):
        await source.rewards([(row, hint_id) for hint_id in texts])
        left = (time.perf_counter() - started) / done * (len(cases) - done)
        sys.stderr.write(f"\r{done}/{len(cases)} sessions, {left:.0f} s left    ")
    sys.stderr.write("\n")
    gains = known_gains(parts, cases, hint_side(eligible))
    base = parts.rewards.table(parts.scope, [case.key for case in cases], ()).base
    whole = np.isfinite(gains).all(axis=1) & np.isfinite(base)
    kept = [case for case, there in zip(cases, whole, strict=True) if there]
    return Rewards(cases=kept, gains=gains[whole], base=base[whole])


def picked(scorer: Scorer, problem: Problem, held_out: Rewards) -> tuple[Gains, float]:
    """Return the held-out gains of a policy's picks, and the share of sessions with a hint."""
    picks = ScoringPolicy(scorer=scorer, name="bench").best(held_out.states, problem.hints)
    gains = [
        0.0 if pick.column is None else held_out.gains[row, pick.column]
        for row, pick in enumerate(picks)
    ]
    return np.array(gains), float(np.mean([pick.column is not None for pick in picks]))


async def run_learner(
    name: str, problem: Problem, train: Rewards, held_out: Rewards, marks: Sequence[int], seed: int
) -> list[Trial]:
    """Train one learner on what it asks for, and judge it at each budget."""
    trainer: Trainer = LEARNERS.get(name) or Thompson()
    if name == ONE_GROUP:
        problem = replace(problem, groups=None)
    trials: list[Trial] = []
    left = list(marks)

    def judge(calls: int, scorer: Scorer) -> None:
        gains, hinted = picked(scorer, problem, held_out)
        trials.append(Trial(learner=name, calls=calls, gains=gains, hinted=hinted))

    def watch(point: Point, make: Callable[[], Scorer]) -> None:
        while left and point.calls >= left[0]:
            judge(left.pop(0), make())

    source = TableRewards(problem.hints.ids, train.gains)
    trained = await trainer.train(problem, source, calls=marks[-1], seed=seed, progress=watch)
    for mark in left:
        judge(mark, trained.scorer)
    return trials


async def mixed(
    parts: Parts, scorer: Scorer, eligible: Eligible, held_out: Rewards, calls: int
) -> Gains:
    """Return the gains where a policy's best actions are asked, so many, and counted alike."""
    policy = ScoringPolicy(scorer=scorer, name="bench", calls=calls)
    texts: dict[str | None, str | None] = {hint.hint_id: hint.text for hint in eligible.hints}
    texts[None] = None
    values = []
    for case, choice in zip(
        held_out.cases, policy.choose_many(held_out.states, eligible), strict=True
    ):
        asked = [texts[hint_id] for hint_id in (choice.hint_id, *choice.also)]
        answers = [await parts.measure.answer(case.task, hint) for hint in asked]
        order = Mix().join(case.task, answers).order if len(answers) > 1 else answers[0].order
        values.append(reciprocal_log_rank(order, case.target, _DEPTH))
    return np.array(values) - held_out.base


def by_lot(held_out: Rewards, rankers: int, seed: int) -> float:
    """Return what the best of so many random orders per session would gain: luck alone."""
    draws = np.random.default_rng(seed)
    found = []
    for case, base in zip(held_out.cases, held_out.base, strict=True):
        places = draws.integers(len(case.task.candidates), size=(_DRAWS // 10, rankers))
        best = places.min(axis=1)
        found.append(float(np.where(best < _DEPTH, 1 / np.log2(best + 2), 0).mean()) - base)
    return float(np.mean(found))


def render(trials: Sequence[Trial], marks: Sequence[int], title: str) -> Table:
    """Lay out the median over seeds, and the span."""
    table = Table(title=title, title_justify="left")
    for column in ("learner", *(f"{mark:,} calls" for mark in marks), "hinted"):
        table.add_column(column, justify="left" if column == "learner" else "right")
    for name in dict.fromkeys(trial.learner for trial in trials):
        cells, hinted = [], 0.0
        for mark in marks:
            here = [one for one in trials if (one.learner, one.calls) == (name, mark)]
            means = sorted(float(one.gains.mean()) for one in here)
            cells.append(f"{np.median(means):+.3f} ({means[0]:+.3f} to {means[-1]:+.3f})")
            hinted = float(np.median([one.hinted for one in here]))
        table.add_row(name, *cells, f"{hinted:.0%}")
    return table


def lines(named: dict[str, Gains]) -> list[str]:
    """Say each row's held-out gain with its 95 % interval."""
    width = max(map(len, named))
    made = []
    for name, gains in named.items():
        found = mean_interval(gains, seed=0)
        made.append(f"{name:<{width}}  {found.mean:+.4f} ({found.low:+.4f} to {found.high:+.4f})")
    return made


async def compare(parts: Parts, given: argparse.Namespace) -> None:
    """Pay, train, judge and print."""
    eligible = _hints(parts, given.hints)
    folds = make_folds(
        parts.dataset, parts.retriever, parts.case_maker,
        limit=given.sessions, seed=parts.settings.seed,
    )  # fmt: skip
    train = await pay_for_all(parts, [case for fold in folds for case in fold.cases], eligible)
    test = parts.case_maker.make(parts.dataset.test[: given.held_out], parts.retriever)
    held_out = await pay_for_all(parts, test, eligible)
    problem = Problem.over(train.states, eligible, groups=FEATURE_GROUPS)
    label = model_label(parts.settings.model, stand_in=parts.settings.offline)
    if given.keep:
        _keep(given.keep, train, held_out, eligible, f"{label}, {parts.dataset.meta.name}")
    marks = [mark for mark in given.marks if mark <= train.gains.size]
    trials = [
        trial
        for name in (DEFAULT, ONE_GROUP, *(name for name in LEARNERS if name != DEFAULT))
        for seed in range(given.seeds)
        for trial in await run_learner(name, problem, train, held_out, marks, seed)
    ]
    for name, (own, other) in session_extras(parts, train.cases, held_out.cases).items():
        wider, there = replace(train, more=own), replace(held_out, more=other)
        among = Problem.over(wider.states, eligible, groups=groups_with(own.shape[1]))
        for seed in range(given.seeds):
            trials += await run_learner(name, among, wider, there, marks, seed)
    console = Console()
    title = (
        f"{parts.dataset.meta.name}: held-out gain in NDCG@10 over no hint, {label}; "
        f"{len(train.cases)} training and {len(held_out.cases)} held-out sessions, "
        f"{len(problem.hints)} hints, {given.seeds} seeds"
    )
    console.print(render(trials, marks, title))
    named = await references(parts, problem, eligible, train, held_out)
    named |= _differences(parts, named, trials, held_out)
    for line in lines(named):
        console.print(line, highlight=False)
    luck = by_lot(held_out, len(problem.hints) + 1, parts.settings.seed)
    console.print(f"as many random orders, the best in hindsight: {luck:+.4f}", highlight=False)


async def references(
    parts: Parts, problem: Problem, eligible: Eligible, train: Rewards, held_out: Rewards
) -> dict[str, Gains]:
    """Return what the learners are to be read against."""
    source = TableRewards(problem.hints.ids, train.gains)
    known = replace(problem, known=train.gains)
    taught = (await Thompson().train(known, source, calls=1, seed=0)).scorer
    named = {
        "no hint (NDCG@10 itself)": held_out.base,
        "random hint": held_out.gains.mean(axis=1),
        "best static hint": held_out.gains[:, int(train.gains.mean(axis=0).argmax())],
        "default, taught by the whole table": picked(taught, problem, held_out)[0],
    }
    for calls in (2, 3):
        mix = await mixed(parts, taught, eligible, held_out, calls)
        named[f"the same, its best {calls} mixed"] = mix
    named["best hint in hindsight"] = np.maximum(held_out.gains.max(axis=1), 0)
    return named


def _differences(
    parts: Parts, named: dict[str, Gains], trials: Sequence[Trial], held_out: Rewards
) -> dict[str, Gains]:
    """Pair the default, as it ended, with what it must beat, session by session."""
    last = max(trial.calls for trial in trials)
    ended = [one.gains for one in trials if (one.learner, one.calls) == (DEFAULT, last)]
    own = np.mean(ended, axis=0)
    found = {
        f"default at {last:,} calls, mean of seeds": own,
        "the same minus the best static hint": own - named["best static hint"],
    }
    blend = fit_blend_on(parts.valid_cases())
    if blend is not None:
        orders = [
            blend.order(evidence_of(case.task.candidates), salt=case.key) for case in held_out.cases
        ]
        values = [
            reciprocal_log_rank(order, case.target, _DEPTH)
            for order, case in zip(orders, held_out.cases, strict=True)
        ]
        found["fitted blend of retrieval, no model"] = np.array(values) - held_out.base
        found["default minus the fitted blend"] = own - (np.array(values) - held_out.base)
    return found


def _hints(parts: Parts, most: int) -> Eligible:
    """Take the hints that did best on trial; the best first."""
    status = [Status.ACTIVE, Status.SHADOW]
    hints = parts.store.hints(tenant=parts.settings.tenant, status=status)
    hints = sorted(hints, key=lambda hint: (-hint.evidence.gain, hint.hint_id))[:most]
    vectors = parts.store.encoder.encode([hint.text for hint in hints])
    return Eligible(hints=tuple(hints), vectors=vectors)


def _keep(path: Path, train: Rewards, held_out: Rewards, eligible: Eligible, about: str) -> None:
    np.savez(
        path,
        train_states=train.states, train_gains=train.gains, train_base=train.base,
        held_out_states=held_out.states, held_out_gains=held_out.gains,
        held_out_base=held_out.base, about=np.array(about),
        hints=np.array([hint.text for hint in eligible.hints]),
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Print the learners' table, then what it is to be read against."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--sessions", type=int, default=400, help="training sessions")
    parser.add_argument("--held-out", type=int, default=400, help="test sessions")
    parser.add_argument("--hints", type=int, default=20, help="at most, the best on trial first")
    parser.add_argument("--marks", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="write the table's numbers to this .npz file")
    given = parser.parse_args(arguments)
    try:
        parts = open_parts(read_settings(workspace=given.workspace), None)
    except UserError as error:
        parser.error(str(error))
    try:
        asyncio.run(compare(parts, given))
    except UserError as error:
        parser.error(str(error))
    finally:
        parts.close()


if __name__ == "__main__":
    main()
