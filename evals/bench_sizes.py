"""How large should the knowledge base be? The first 5, 10, 20 and 40 of 48 hints, by several lots.

Run `python -m re2llm.evals.bench_sizes --seeds 20 21 22`. Each seed is a synthetic shop, or with
`--workspace shop` draws the sessions to learn from; the offline stand-in answers, which is no
language model. Every session is asked with every hint once;
then each base is learnt on alone: the default learner sees only the rewards that it asks for, and
its policy is judged on held-out sessions by the model's own order. `all`: whatever the lot brought
is active. `admitted`: in the lot's order each hint is proposed on missed sessions that it repairs
best, and admission keeps what gains there, and gains more than what it kept before.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.errors import UserError
from re2llm.evals.bootstrap import paired_difference, resampled_means
from re2llm.evals.many_hints import MANY_HINTS
from re2llm.evals.paid_table import Gains, Rewards
from re2llm.evals.table_trials import DEFAULT, run_learner
from re2llm.graph.cases import Case
from re2llm.graph.folds import make_folds
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.trial import SimilarSessions
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.store import Eligible
from re2llm.kb_store.trying import compared, tried
from re2llm.kb_store.verdict import AdmissionRules
from re2llm.llm.reflection import Failure
from re2llm.policy.features import FEATURE_GROUPS
from re2llm.policy.training import Problem
from re2llm.settings import STAND_IN, Settings
from re2llm.workspace import Workspace

SIZES = (5, 10, 20, 40)
_PROPOSED = 3
"""On so many missed sessions a hint is proposed."""
_TRAINED = 0.65


@dataclass(frozen=True, slots=True)
class Told:
    """Gains that are known already, as a trial and a measure read them."""

    cases: Sequence[Case]
    gains: Gains

    async def each_gain(self, cases: Sequence[Case], hint: str) -> list[float | None]:
        """Read them off."""
        rows = {case.key: row for row, case in enumerate(self.cases)}
        column = MANY_HINTS.index(hint)
        return [float(self.gains[rows[case.key], column]) for case in cases]


@dataclass(frozen=True, slots=True)
class TableTrial:
    """A trial over a table; `own` is the row of the session that failed."""

    similar: SimilarSessions
    gains: Gains
    own: int

    async def own_gain(self, failure: Failure, hint_text: str) -> float:  # noqa: ARG002
        """Read it off."""
        return float(self.gains[self.own, MANY_HINTS.index(hint_text)])

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> Sequence[float]:
        """Read them off, nearest first."""
        return await self.similar.similar_gains(failure, hint_text, n)


async def table(parts: Parts, cases: Sequence[Case]) -> Rewards:
    """Ask every case with every hint."""
    columns = [await parts.measure.each_gain(cases, text) for text in MANY_HINTS]
    plain = [await parts.measure.value(case.task, case.target, None) for case in cases]
    gains = np.array([[gain or 0.0 for gain in column] for column in columns]).T
    return Rewards(cases=cases, gains=gains, base=np.array([one or 0.0 for one in plain]))


async def admitted(parts: Parts, train: Rewards, order: Sequence[int]) -> list[int]:
    """Return the columns that admission keeps, proposed in this order."""
    told = Told(train.cases, train.gains)
    similar = SimilarSessions(lambda: train.cases, told, parts.retrieval.encoder)  # type: ignore[arg-type]
    kept: list[int] = []
    for column in order:
        for tries, row in enumerate(_repaired_best(train, column), start=1):
            case = train.cases[row]
            failure = Failure(task=case.task, order=(), target=case.target)
            trial, rules = TableTrial(similar, train.gains, row), AdmissionRules()
            hint = await tried(_hint(column), failure, None, trial=trial, rules=rules, tries=tries)
            if hint.status is Status.ACTIVE:
                active = [_hint(one) for one in kept]
                hint = await compared(hint, failure, active, trial=trial, rules=rules, tries=tries)
            if hint.status is Status.ACTIVE:
                kept.append(column)
                break
    return kept


def _repaired_best(train: Rewards, column: int) -> list[int]:
    """Return rows that rank badly without a hint, those first that this one repairs best."""
    low = train.base < np.median(train.base)
    order = np.argsort(-np.where(low, train.gains[:, column], -1.0), kind="stable")
    return [int(row) for row in order[:_PROPOSED] if train.gains[row, column] > 0]


def _hint(column: int) -> Hint:
    text = MANY_HINTS[column]
    return Hint(hint_id=hint_id(text), text=text, status=Status.ACTIVE)


async def learnt(
    parts: Parts, train: Rewards, test: Rewards, columns: Sequence[int], calls: int, seed: int
) -> Gains:
    """Return (held-out,) gains of the policy that learns to choose among these hints."""
    if not columns:
        return np.zeros(len(test.cases))
    hints = tuple(_hint(column) for column in columns)
    vectors = parts.store.encoder.encode([hint.text for hint in hints])
    eligible = Eligible(hints=hints, vectors=vectors)
    problem = Problem.over(train.states, eligible, groups=FEATURE_GROUPS)
    own, other = (
        Rewards(cases=one.cases, gains=one.gains[:, list(columns)], base=one.base)
        for one in (train, test)
    )
    trials = await run_learner(DEFAULT, problem, own, other, [calls], seed)
    return trials[-1].gains


Row = tuple[str, int]


async def measure(
    parts: Parts, sessions: int, held_out: int, lots: int, calls: int
) -> tuple[dict[Row, Gains], dict[Row, float]]:
    """Return of each row the (held-out,) gains, mean over lots, and how many hints it has."""
    folds = make_folds(
        parts.dataset, parts.retriever, parts.case_maker, limit=sessions, seed=parts.settings.seed
    )
    train = await table(parts, [case for fold in folds for case in fold.cases])
    later = [*parts.dataset.valid, *parts.dataset.test]
    step = max(1, len(later) // held_out)
    test = await table(parts, parts.case_maker.make(later[::step][:held_out], parts.retriever))
    gains: dict[Row, list[Gains]] = {}
    hints: dict[Row, list[int]] = {}
    for lot in range(lots):
        order = np.random.default_rng((parts.settings.seed, lot)).permutation(len(MANY_HINTS))
        for size in SIZES:
            given = [int(column) for column in order[:size]]
            for name, columns in (
                ("all", given),
                ("admitted", await admitted(parts, train, given)),
            ):
                found = await learnt(parts, train, test, columns, calls, lot)
                gains.setdefault((name, size), []).append(found)
                hints.setdefault((name, size), []).append(len(columns))
    return (
        {row: np.mean(found, axis=0) for row, found in gains.items()},
        {row: float(np.mean(counts)) for row, counts in hints.items()},
    )


def run(
    folder: Path, given: argparse.Namespace, seed: int
) -> tuple[dict[Row, Gains], dict[Row, float]]:
    """Measure in the shop of this folder."""
    settings = Settings(
        workspace=folder, model=STAND_IN, k=5, concurrency=32, seed=seed, timeout=3600
    )
    with closing(open_parts(settings, None)) as parts:
        return asyncio.run(measure(parts, given.sessions, given.held_out, given.lots, given.calls))


def told(shops: Sequence[tuple[dict[Row, Gains], dict[Row, float]]]) -> str:
    """Write a row per base, all shops' sessions together, each against the one of half its size."""
    lines = ["| base | hints given | active | gain per session | vs. half as many given |"]
    lines.append("|---|---:|---:|---:|---:|")
    for name, size in [(name, size) for name in ("all", "admitted") for size in SIZES]:
        gains = np.concatenate([found[name, size] for found, _ in shops])
        low, high = np.quantile(resampled_means(gains[:, None])[:, 0], [0.025, 0.975])
        active = np.mean([counts[name, size] for _, counts in shops])
        more = ""
        if size // 2 in SIZES:
            half = np.concatenate([found[name, size // 2] for found, _ in shops])
            one = paired_difference(gains, half)
            more = f"{one.mean:+.4f} ({one.low:+.4f} to {one.high:+.4f})"
        spread = ", ".join(f"{found[name, size].mean():+.3f}" for found, _ in shops)
        lines.append(
            f"| {name} | {size} | {active:.1f} | {gains.mean():+.4f} ({low:+.4f} to {high:+.4f});"
            f" by shop {spread} | {more} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="in place of synthetic shops")
    parser.add_argument("--seeds", type=int, nargs="+", default=[20, 21, 22])
    parser.add_argument("--sessions", type=int, default=500, help="to learn from")
    parser.add_argument("--held-out", type=int, default=260, help="sessions, at most")
    parser.add_argument("--lots", type=int, default=2, help="orders of the hints per shop")
    parser.add_argument("--calls", type=int, default=2000, help="rewards that a policy may ask for")
    given = parser.parse_args(arguments)
    shops = []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            there = given.workspace or Path(folder)
            if given.workspace is None:
                made = ShopPlan(sessions=int(given.sessions / _TRAINED) + 2, seed=seed)
                write_shop(Workspace(there).data, made)
            try:
                shops.append(run(there, given, seed))
            except UserError as error:
                parser.error(str(error))
    sys.stdout.write(told(shops))
    return 0


if __name__ == "__main__":
    sys.exit(main())
