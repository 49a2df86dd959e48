"""What the best choice of a hint per session would have been worth, had the target been known.

An upper bound for every policy over these hints, and an optimistic one: where hints only shuffle
the order, the best of many shuffles still looks like a gain. That is why what luck alone would
reach is told beside it, and what the policy's own class could.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from re2llm.catalog.sessions import Session
from re2llm.evals.arms import no_hint, static_hint
from re2llm.evals.evaluate import Progress, evaluate
from re2llm.evals.journal import Journal
from re2llm.evals.main_table import fingerprint, make_runner, remembering
from re2llm.evals.metrics import HEADLINE
from re2llm.evals.oracle import luck, policy_class
from re2llm.evals.results import HINDSIGHT, Arm, Facts
from re2llm.graph.parts import Parts
from re2llm.llm.usage import Usage


async def in_hindsight(
    parts: Parts,
    sessions: Sequence[Session],
    *,
    facts: Facts,
    journal_path: Path,
    progress: Progress | None = None,
) -> tuple[list[Arm], str]:
    """Ask every session with every active hint; no arm where there is no hint.

    Args:
        parts: with the fusion that the policy's slates are made by.
        sessions: as many calls each as there are hints, less what the cache has.
        facts: as in `main_table`.
        journal_path: may be the one of the main table.
        progress: called after every answer.

    Returns:
        The best hint of each session, and the oracle of the policy class where there are sessions
        enough to teach one; and what luck alone would reach, in a sentence.
    """
    eligible = parts.store.eligible(tenant=parts.settings.tenant)
    hints = eligible.hints
    if not hints:
        return [], "There is no hint that could be best in hindsight."
    plans = [no_hint(), *(static_hint(hint.hint_id, hint.hint_id) for hint in hints)]
    with Journal(journal_path, fingerprint(parts)) as journal:
        comparison = await evaluate(
            make_runner(parts, remembering(parts)),
            sessions,
            plans,
            facts=facts,
            journal=journal,
            at_once=parts.settings.concurrency,
            progress=progress,
        )
    asked = [arm for arm in comparison.arms if arm.asks]
    cases = parts.case_maker.make(sessions, parts.retriever)
    oracle = await policy_class(
        np.stack([case.features for case in cases]), eligible, asked, seed=facts.seed
    )
    listed = [len(case.task.candidates) for case in cases]
    said = (
        f"The best of {len(asked)} random orders per session in hindsight, as many as there are "
        f"ways to ask, would reach {HEADLINE.name} {luck(listed, len(asked)):.3f} on average by "
        f"luck alone, were each target among its candidates."
    )
    return [best_of(asked), *([oracle] if oracle else [])], said


def best_of(arms: Sequence[Arm]) -> Arm:
    """Join arms over the same sessions into the one that always picks the best; ties go first."""
    slate, model = (np.stack([arm.ranks[judged] for arm in arms]) for judged in ("slate", "model"))
    picks = [arms[place] for place in slate.argmin(axis=0)]
    return Arm(
        name=HINDSIGHT,
        asks=True,
        ranks={"slate": slate.min(axis=0), "model": model.min(axis=0)},
        shown=tuple(arm.shown[row] for row, arm in enumerate(picks)),
        hint_ids=tuple(arm.hint_ids[row] for row, arm in enumerate(picks)),
        degraded=tuple(arm.degraded[row] for row, arm in enumerate(picks)),
        usage=sum((arm.usage for arm in arms[1:]), Usage()),
        seconds=tuple(arm.seconds[row] for row, arm in enumerate(picks)),
    )
