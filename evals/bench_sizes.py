"""How large should the knowledge base be? The first 5, 10, 20 and 40 of 48 hints, by several lots.

Run `python -m re2llm.evals.bench_sizes --seeds 20 21 22`. Each seed is a synthetic shop, or with
`--workspace shop` draws the sessions to learn from; the offline stand-in answers, which is no
language model. Every session is asked with every hint once;
then each base is learnt on alone: the default learner sees only the rewards that it asks for, and
its policy is judged on held-out sessions by the model's own order. `all`: whatever the lot brought
is active. `admitted`: in the lot's order each hint is proposed on missed sessions that it repairs
best, and admission keeps what gains there, and gains more than what it kept before. `trained`: what
admission held back as a shadow is learnt about, too, and becomes active where the policy gains by
it on a fifth of the later sessions, as in `re2llm train`; no row is judged by those sessions.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.errors import UserError
from re2llm.evals.bootstrap import joined, paired_difference, resampled_means
from re2llm.evals.many_hints import MANY_HINTS
from re2llm.evals.paid_table import Gains, Rewards
from re2llm.evals.table_admission import admitted, many_hint, table
from re2llm.evals.worlds import TableRewards
from re2llm.graph.folds import make_folds
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.promote import earned
from re2llm.kb_store.store import Eligible
from re2llm.policy.features import FEATURE_GROUPS
from re2llm.policy.hint_side import HintSide
from re2llm.policy.picks import rewards_of
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson
from re2llm.policy.training import Problem
from re2llm.settings import STAND_IN, Settings
from re2llm.workspace import Workspace

SIZES = (5, 10, 20, 40)
BASES = ("all", "admitted", "trained")
_TRAINED = 0.65


async def _taught(
    parts: Parts, train: Rewards, columns: Sequence[int], calls: int, seed: int
) -> tuple[ScoringPolicy, HintSide]:
    """Return what the default learner makes of the rewards that it asks for, and its hints."""
    hints = tuple(many_hint(column) for column in columns)
    vectors = parts.store.encoder.encode([hint.text for hint in hints])
    eligible = Eligible(hints=hints, vectors=vectors)
    problem = Problem.over(train.states, eligible, groups=FEATURE_GROUPS)
    source = TableRewards(problem.hints.ids, train.gains[:, list(columns)])
    trained = await Thompson().train(problem, source, calls=calls, seed=seed)
    return ScoringPolicy(scorer=trained.scorer, name="bench"), problem.hints


async def learnt(
    parts: Parts, train: Rewards, test: Rewards, columns: Sequence[int], calls: int, seed: int
) -> Gains:
    """Return (held-out,) gains of the policy that learns to choose among these hints."""
    if not columns:
        return np.zeros(len(test.cases))
    policy, hints = await _taught(parts, train, columns, calls, seed)
    return rewards_of(test.gains[:, list(columns)], policy.best(test.states, hints))


async def trained(
    parts: Parts,
    train: Rewards,
    fit: Rewards,
    test: Rewards,
    kept: Sequence[int],
    held: Sequence[int],
    calls: int,
    seed: int,
) -> tuple[Gains, int]:
    """Return the same where shadows may earn it to become active, and how many hints are."""
    columns = [*kept, *held]
    if not columns:
        return np.zeros(len(test.cases)), 0
    policy, hints = await _taught(parts, train, columns, calls, seed)
    chosen: dict[int, list[float]] = {}
    for row, pick in enumerate(policy.best(fit.states, hints)):
        if pick.column is not None:
            chosen.setdefault(pick.column, []).append(float(fit.gains[row, columns[pick.column]]))
    active = [
        place
        for place in range(len(columns))
        if place < len(kept) or earned(chosen.get(place, []), seed=seed)
    ]
    if not active:
        return np.zeros(len(test.cases)), 0
    picks = policy.best(test.states, hints.part(np.array(active, np.intp)))
    return rewards_of(test.gains[:, [columns[place] for place in active]], picks), len(active)


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
    step = max(1, len(later) * 4 // (5 * held_out))
    cases = parts.case_maker.make(later[::step], parts.retriever)
    fit = await table(parts, cases[::5])
    test = await table(parts, [case for row, case in enumerate(cases) if row % 5][:held_out])
    gains: dict[Row, list[Gains]] = {}
    hints: dict[Row, list[int]] = {}
    for lot in range(lots):
        order = np.random.default_rng((parts.settings.seed, lot)).permutation(len(MANY_HINTS))
        for size in SIZES:
            given = [int(column) for column in order[:size]]
            kept, held = await admitted(parts, train, given)
            given_all = await learnt(parts, train, test, given, calls, lot)
            alone = await learnt(parts, train, test, kept, calls, lot)
            whole, active = await trained(parts, train, fit, test, kept, held, calls, lot)
            for name, found, count in zip(
                BASES, (given_all, alone, whole), (size, len(kept), active), strict=True
            ):
                gains.setdefault((name, size), []).append(found)
                hints.setdefault((name, size), []).append(count)
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


def told(shops: Sequence[tuple[dict[Row, Gains], dict[Row, float]]], *, same: bool = False) -> str:
    """Write a row per base, each against the one of half its size.

    Args:
        shops: what was found in each, or by each draw of sessions to learn from.
        same: whether all judge the same sessions; then each counts once, by its mean.
    """
    lines = ["| base | hints given | active | gain per session | vs. half as many given |"]
    lines.append("|---|---:|---:|---:|---:|")
    for name, size in [(name, size) for name in BASES for size in SIZES]:
        gains = joined([found[name, size] for found, _ in shops], same=same)
        low, high = np.quantile(resampled_means(gains[:, None])[:, 0], [0.025, 0.975])
        active = np.mean([counts[name, size] for _, counts in shops])
        more = ""
        if size // 2 in SIZES:
            half = joined([found[name, size // 2] for found, _ in shops], same=same)
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
    sys.stdout.write(told(shops, same=given.workspace is not None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
