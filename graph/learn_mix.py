"""Learning how several orders of one session are mixed, once a policy serves."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from re2llm.graph.cases import Case
from re2llm.graph.measure import Measure
from re2llm.kb_store.store import Eligible
from re2llm.llm.mix import Mix, MixExample, fit_mix
from re2llm.policy.choice import Choice
from re2llm.policy.serving import ScoringPolicy


async def learn_mix(
    policy: ScoringPolicy,
    eligible: Eligible,
    cases: Sequence[Case],
    measure: Measure,
    report: Callable[[int, int], None],
    *,
    seed: int = 0,
) -> Mix:
    """Ask the cases as serving would, `policy.calls` times each, and fit the weights.

    Args:
        policy: the one that serves.
        eligible: the hints that it chooses from.
        cases: validation sessions.
        measure: asks; what was asked before costs nothing.
        report: told how many of how many cases are done; those that are asked once are left out.
        seed: of the split into folds.
    """
    if not cases:
        return Mix()
    texts = {None: None} | {hint.hint_id: hint.text for hint in eligible.hints}
    choices = policy.choose_many(np.stack([case.features for case in cases]), eligible)
    done = 0

    async def example(case: Case, choice: Choice) -> MixExample:
        nonlocal done
        asked = [texts[hint_id] for hint_id in (choice.hint_id, *choice.also)]
        answers = await asyncio.gather(*(measure.answer(case.task, hint) for hint in asked))
        done += 1
        report(done, len(pairs))
        return MixExample(task=case.task, answers=tuple(answers), target=case.target)

    pairs = [pair for pair in zip(cases, choices, strict=True) if pair[1].also]
    return fit_mix(await asyncio.gather(*(example(*pair) for pair in pairs)), seed=seed)
