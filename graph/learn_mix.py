"""Learning how several orders of one session are mixed, and what the mix is worth."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.measure import Measure, depth, reciprocal_log_rank
from re2llm.kb_store.store import Eligible
from re2llm.llm.mix import Mix, MixExample, fit_mix
from re2llm.llm.ranking import RankAnswer
from re2llm.policy.choice import Choice
from re2llm.policy.hint_side import HintSide
from re2llm.policy.serving import ScoringPolicy

Texts = Mapping[str, str]


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
        policy: the one that is to serve.
        eligible: the hints that it chooses from.
        cases: validation sessions, which the gate does not judge by.
        measure: asks; what was asked before costs nothing.
        report: told how many of how many cases are done; those that are asked once are left out.
        seed: of the split into folds.
    """
    if not cases:
        return Mix()
    texts = {hint.hint_id: hint.text for hint in eligible.hints}
    choices = policy.choose_many(np.stack([case.features for case in cases]), eligible)
    done = 0

    async def example(case: Case, choice: Choice) -> MixExample:
        nonlocal done
        answers = await _answers(case, choice, texts, measure)
        done += 1
        report(done, len(pairs))
        return MixExample(task=case.task, answers=answers, target=case.target)

    pairs = [pair for pair in zip(cases, choices, strict=True) if pair[1].also]
    return fit_mix(await asyncio.gather(*(example(*pair) for pair in pairs)), seed=seed)


async def mixed_values(
    policy: ScoringPolicy,
    cases: Sequence[Case],
    hints: HintSide,
    texts: Texts,
    measure: Measure,
    mix: Mix,
) -> NDArray[np.float64]:
    """Return (cases,) NDCG at `depth` of the mixed slates; NaN where the model failed."""
    states = np.stack([case.features for case in cases])
    choices = policy.choose_among(states, hints)

    async def value(case: Case, choice: Choice) -> float:
        if not choice.also:
            found = await measure.value(case.task, case.target, _text(choice.hint_id, texts))
            return float("nan") if found is None else found
        answer = mix.join(case.task, await _answers(case, choice, texts, measure))
        if answer.degraded is not None:
            return float("nan")
        fusion = mix.fusion or measure.fusion
        fused = fusion.fuse(case.task.candidates, answer, hinted=choice.hint_id is not None)
        order = [item_id for item_id, _ in fused]
        return reciprocal_log_rank(order, case.target, depth(case.task.k))

    pairs = zip(cases, choices, strict=True)
    return np.array(await asyncio.gather(*(value(*pair) for pair in pairs)))


async def _answers(
    case: Case, choice: Choice, texts: Texts, measure: Measure
) -> tuple[RankAnswer, ...]:
    asked = [_text(hint_id, texts) for hint_id in (choice.hint_id, *choice.also)]
    return tuple(await asyncio.gather(*(measure.answer(case.task, hint) for hint in asked)))


def _text(hint_id: str | None, texts: Texts) -> str | None:
    return None if hint_id is None else texts[hint_id]
