"""Which learner finds most with the fewest calls on a shop's own sessions, every pair paid for.

Run as `python -m re2llm.evals.bench_table WORKSPACE` on a workspace with hints; settings name the
model, as everywhere. It pays once for every training and held-out session with every hint (kept in
the workspace: stopped, it goes on), then lets each learner see only what it would have asked for,
and judges it on the held-out sessions by the model's own order, in NDCG@10. A "call" is a (session,
hint) pair; the plain orders, one for each session that is asked about, come on top. With `--paid`
nothing is asked: the sessions that are paid for already, by a run that was stopped, are all.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from re2llm.errors import UserError
from re2llm.evals.baselines import evidence_of
from re2llm.evals.bench_policy import LEARNERS
from re2llm.evals.main_table import fit_blend_on
from re2llm.evals.paid_table import Gains, Rewards, best_hints, keep, pay_for_all
from re2llm.evals.results import model_label
from re2llm.evals.session_extras import groups_with, session_extras
from re2llm.evals.table_trials import (
    DEFAULT,
    DEPTH,
    ONE_GROUP,
    Trial,
    by_lot,
    mixed,
    picked,
    run_learner,
)
from re2llm.evals.worlds import TableRewards
from re2llm.graph.folds import make_folds
from re2llm.graph.measure import reciprocal_log_rank
from re2llm.graph.models import run_with
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.kb_store.store import Eligible
from re2llm.policy.bootstrap import mean_interval
from re2llm.policy.features import FEATURE_GROUPS
from re2llm.policy.thompson import Thompson
from re2llm.policy.training import Problem
from re2llm.settings import read_settings


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
    eligible = best_hints(parts, given.hints)
    folds = make_folds(
        parts.dataset, parts.retriever, parts.case_maker,
        limit=given.sessions, seed=parts.settings.seed,
    )  # fmt: skip
    cases = [case for fold in folds for case in fold.cases]
    train = await pay_for_all(parts, cases, eligible, ask=not given.paid)
    test = parts.case_maker.make(parts.dataset.test[: given.held_out], parts.retriever)
    held_out = await pay_for_all(parts, test, eligible, ask=not given.paid)
    if not len(train.cases) or not len(held_out.cases):
        raise UserError("no session has an answer for every hint; run it without --paid")
    problem = Problem.over(train.states, eligible, groups=FEATURE_GROUPS)
    label = model_label(parts.settings.model, stand_in=parts.settings.offline)
    if given.keep:
        keep(given.keep, train, held_out, eligible, f"{label}, {parts.dataset.meta.name}")
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
            reciprocal_log_rank(order, case.target, DEPTH)
            for order, case in zip(orders, held_out.cases, strict=True)
        ]
        found["fitted blend of retrieval, no model"] = np.array(values) - held_out.base
        found["default minus the fitted blend"] = own - (np.array(values) - held_out.base)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print the learners' table, then what it is to be read against."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--sessions", type=int, default=400, help="training sessions")
    parser.add_argument("--held-out", type=int, default=400, help="test sessions")
    parser.add_argument("--hints", type=int, default=20, help="at most, the best on trial first")
    parser.add_argument("--marks", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--paid", action="store_true", help="ask nothing; use what is paid for")
    parser.add_argument("--keep", type=Path, help="write the table's numbers to this .npz file")
    given = parser.parse_args(arguments)
    try:
        parts = open_parts(read_settings(workspace=given.workspace), None)
    except UserError as error:
        parser.error(str(error))
    try:
        run_with(parts.owned, compare(parts, given))
    except UserError as error:
        parser.error(str(error))
    finally:
        parts.close()


if __name__ == "__main__":
    main()
