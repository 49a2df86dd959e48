"""How much the model's order counts beside retrieval, without a hint and under hints."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from re2llm.graph.cases import Case
from re2llm.graph.parts import Parts
from re2llm.llm.fusion import FusionExample, SlateFusion, fit_weight

Report = Callable[[int, int], None]
"""Hears (done, planned)."""

LEARNING_WEIGHT = 1.0
"""What a hinted order counts, beside retrieval's 1, while nothing better is known."""


async def learn_fusion(parts: Parts, cases: Sequence[Case], report: Report) -> Parts:
    """Learn how much the model's order counts beside retrieval, on validation cases.

    That is without a hint. With one, the order counts at least as much as `LEARNING_WEIGHT` until a
    policy is trained: where the plain model adds nothing, hints must still be able to show what
    they are worth. Nothing is learnt where the budget did not reach all cases.
    """
    fitted = await weigh_plain(parts, cases, report)
    if parts.client.budget.refused:
        return parts
    hinted = max(fitted.weight, LEARNING_WEIGHT)
    return parts.with_fusion(fitted.model_copy(update={"hinted": hinted}))


async def weigh_unsaved(parts: Parts, cases: Sequence[Case], report: Report) -> Parts:
    """Do the same for one training, whose gate decides whether it is kept.

    Args:
        parts: what comes back differs in `fusion` alone, and not at all where there are too few
            cases to fit it on.
        cases: validation cases that the gate does not judge by.
        report: hears of progress.
    """
    fitted = await weigh_plain(parts, cases, report)
    if not fitted.sessions:
        return parts
    hinted = max(fitted.weight, LEARNING_WEIGHT)
    return replace(parts, fusion=fitted.model_copy(update={"hinted": hinted}))


async def weigh_plain(parts: Parts, cases: Sequence[Case], report: Report) -> SlateFusion:
    """Fit what an order counts that was given without a hint; nothing is saved."""
    examples = await _examples(parts, [(case, None) for case in cases], report)
    return fit_weight(examples, seed=parts.settings.seed)


async def weigh_hinted(
    parts: Parts, hinted: Sequence[tuple[Case, str]], report: Report | None = None
) -> Parts:
    """Fit what an order counts that was given under these hints; nothing is saved.

    Args:
        parts: what comes back differs in `fusion.hinted` alone, and not at all where there is too
            little to fit it on.
        hinted: validation cases, each with the text of its hint.
        report: hears of progress.
    """
    examples = await _examples(parts, hinted, report or (lambda *_: None))
    fitted = fit_weight(examples, seed=parts.settings.seed, cautious=False)
    if not fitted.sessions:
        return parts
    return replace(parts, fusion=parts.fusion.model_copy(update={"hinted": fitted.weight}))


async def _examples(
    parts: Parts, asked: Sequence[tuple[Case, str | None]], report: Report
) -> list[FusionExample]:
    done = 0

    async def example(case: Case, hint: str | None) -> FusionExample:
        nonlocal done
        answer = await parts.measure.answer(case.task, hint)
        done += 1
        report(done, len(asked))
        return FusionExample(candidates=case.task.candidates, answer=answer, target=case.target)

    return list(await asyncio.gather(*(example(case, hint) for case, hint in asked)))
