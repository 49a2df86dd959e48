"""Does the knowledge base fill with junk? Explores a large synthetic shop, then tries every hint.

Run `python -m re2llm.evals.bench_junk --sessions 2000 --seeds 0 1 2`. The offline stand-in answers,
which is no language model. A hint is not for every session, so its effect on held-out sessions
(validation and test) is measured where a policy would use it, and beside that on those most like
the one that it was written for, and on all. None of them was seen by exploration or by a trial.
`--without effect` leaves one of admission's checks out.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.evals.junk import Junk, Tried, pooled, told
from re2llm.evals.oracle import taught_apart
from re2llm.evals.recipe import Recipe
from re2llm.evals.variant_parts import open_variant
from re2llm.graph.cases import Case
from re2llm.graph.exploration import Plan
from re2llm.graph.explore import explore
from re2llm.graph.folds import make_folds
from re2llm.graph.held_out import HeldOut
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.trial import SimilarSessions
from re2llm.graph.weigh import learn_fusion
from re2llm.kb_store.drafts import fingerprint
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.redundancy import RedundancyRules
from re2llm.kb_store.store import Eligible
from re2llm.llm.reflection import Failure
from re2llm.llm.standin.advice import same
from re2llm.settings import STAND_IN, Settings
from re2llm.workspace import Workspace

_LEAST = 12
_TRAINED = 0.65
"""Share of a shop's sessions that are to be learnt from."""


async def measure(parts: Parts, sessions: int, plan: Plan, held_out: int = 10**6) -> Junk:
    """Explore a workspace and try what came of it on its test sessions."""
    parts = await learn_fusion(parts, parts.valid_cases(), _silent)
    folds = make_folds(
        parts.dataset, parts.retriever, parts.case_maker, limit=sessions, seed=parts.settings.seed
    )
    explored = await explore(parts, folds, plan, _silent)
    written = {_name(case): case for fold in folds for case in fold.cases}
    later = [*parts.dataset.valid, *parts.dataset.test]
    step = max(1, len(later) // held_out)
    test = parts.case_maker.make(later[::step], parts.retriever)
    trial = SimilarSessions(lambda: test, parts.measure, parts.retrieval.encoder)

    async def near(hint: Hint) -> tuple[int, float]:
        own = written[hint.provenance.session_id]
        failure = Failure(task=own.task, order=(), target=own.target)
        like = max(_LEAST, round(hint.evidence.sessions * len(test) / len(written)))
        gains = await trial.similar_gains(failure, hint.text, like)
        return like, float(np.nanmean(gains))

    async def tried(hint: Hint) -> Tried:
        like, gain = await near(hint)
        everywhere = await parts.measure.gains(test, hint.text)
        return Tried(hint=hint, like=like, near=gain, everywhere=float(np.mean(everywhere)))

    active = [await tried(hint) for hint in _in_order(parts)]
    shadow = [await near(hint) for hint in parts.store.hints(status=[Status.SHADOW])]
    values = HeldOut(test, parts.measure)
    for one in active:
        await values.add(one.hint.text)
    active = [
        replace(one, uses=uses, used=used)
        for one, (uses, used) in zip(active, values.alone(), strict=True)
    ]
    texts = [one.hint.text for one in active]
    rows = parts.store.encoder.encode(texts)
    states = np.stack([case.features for case in test])

    async def chosen(most: int) -> NDArray[np.float64]:
        gains = values.table()[:, :most]
        if not most:
            return np.zeros(len(test))
        eligible = Eligible(hints=tuple(one.hint for one in active[:most]), vectors=rows[:most])
        picks = await taught_apart(states, eligible, gains, seed=parts.settings.seed)
        return np.where(picks < 0, 0.0, gains[np.arange(len(test)), picks])

    half, full = await chosen((len(active) + 1) // 2), await chosen(len(active))
    cosines = rows @ rows.T - 2 * np.eye(len(texts), dtype=np.float32)
    limit = RedundancyRules().same
    return Junk(
        explored=explored,
        shadows=len(shadow),
        active=tuple(active),
        shadow_good=float(np.mean([gain > 0 for _, gain in shadow])) if shadow else 0.0,
        alike=sum(
            same(texts[a], texts[b]) or bool(cosines[a, b] >= limit)
            for a, b in combinations(range(len(texts)), 2)
        ),
        nearest=float(cosines.max()) if len(texts) > 1 else 0.0,
        half=half,
        full=full,
    )


def _in_order(parts: Parts) -> list[Hint]:
    """Return the active hints, those first that became active first."""
    active = {hint.hint_id: hint for hint in parts.store.hints(status=[Status.ACTIVE])}
    since: dict[str, int] = {}
    for entry in parts.store.log.entries():
        if entry.hint is not None and entry.hint.status is Status.ACTIVE:
            since.setdefault(entry.hint_id, entry.seq)
    return sorted(active.values(), key=lambda hint: since[hint.hint_id])


def _name(case: Case) -> str:
    return fingerprint(Failure(task=case.task, order=(), target=case.target))


def _silent(*_: object) -> None:
    """Report nothing."""


def run(
    folder: Path,
    sessions: int,
    seed: int,
    plan: Plan,
    *,
    without: str | None = None,
    held_out: int = 10**6,
) -> Junk:
    """Make a shop with so many sessions to explore, and measure."""
    made = ShopPlan(sessions=int(sessions / _TRAINED) + 2, seed=seed)
    write_shop(Workspace(folder).data, made)
    settings = Settings(
        workspace=folder, model=STAND_IN, k=5, concurrency=32, seed=seed, timeout=3600
    )
    recipe = Recipe(
        effect_check=without != "effect",
        leak_check=without != "leak",
        adds_check=without != "adds",
        redundancy_check=without != "redundancy",
    )
    with (
        closing(open_parts(settings, None)) as parts,
        closing(open_variant(parts, recipe, folder / "variant")) as own,
    ):
        return asyncio.run(measure(own, sessions, plan, held_out))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write Markdown; 1 where more than a tenth of the active hints do no good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--hints", type=int, default=40)
    parser.add_argument("--patience", type=int, default=60)
    parser.add_argument("--flat", type=int, default=Plan().flat)
    parser.add_argument("--alone", action="store_true", help="show no success beside a miss")
    parser.add_argument("--without", choices=["effect", "adds", "leak", "redundancy"])
    parser.add_argument("--held-out", type=int, default=10**6, help="about so many sessions")
    options = parser.parse_args(arguments)
    plan = Plan(
        hints=options.hints,
        patience=options.patience,
        flat=options.flat,
        compare=not options.alone,
    )
    shops: list[Junk] = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            found = run(
                Path(folder),
                options.sessions,
                seed,
                plan,
                without=options.without,
                held_out=options.held_out,
            )
        shops.append(found)
        sys.stdout.write(told(seed, found))
        sys.stdout.flush()
    sys.stdout.write(pooled(shops))
    total = sum(len(one.active) for one in shops)
    good = sum(one.helpful for one in shops)
    return 0 if total and good >= 0.9 * total else 1


if __name__ == "__main__":
    sys.exit(main())
