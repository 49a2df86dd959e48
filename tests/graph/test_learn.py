"""Learning through the real graph's parts, with a model of which we know whom a hint helps."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from planted import (
    FIRST,
    PLAN,
    SECOND,
    by_length,
    by_lot,
    folds_of,
    learn,
    with_hints,
    with_planted,
)

from re2llm.graph.app import Re2LLM
from re2llm.graph.exploration import Plan
from re2llm.graph.explore import explore
from re2llm.graph.learn import learn_policy
from re2llm.graph.parted import parted
from re2llm.graph.parts import Parts
from re2llm.graph.promote import promotable
from re2llm.graph.slate_log import Served, SlateLog
from re2llm.graph.weigh import weigh_hinted
from re2llm.kb_store.hint import Hint, Provenance, Status, hint_id
from re2llm.kb_store.store import Eligible
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.mix import Mix
from re2llm.policy.card import Card, Origin
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.hint_side import hint_side
from re2llm.policy.picks import Pick
from re2llm.policy.rewards import RewardStore
from re2llm.policy.saved import current, save_policy, switch


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    opened = with_hints(shop)
    yield opened
    opened.close()


async def test_hints_that_help_one_kind_each_are_learnt_and_served(parts: Parts) -> None:
    learnt = await learn(parts, by_length)
    assert learnt.decision.serves, learnt.decision.words
    assert learnt.decision.over_none.low > 0.1
    assert learnt.decision.over_static.low > 0.1
    assert current(parts.workspace.policy) == learnt.version


async def test_hints_that_help_by_chance_are_not_served(parts: Parts) -> None:
    learnt = await learn(parts, by_lot)
    assert not learnt.decision.serves, learnt.decision.words
    assert current(parts.workspace.policy) is None
    assert 0 < learnt.base < 1


async def test_served_slates_are_learnt_from_as_far_as_lot_chose(parts: Parts) -> None:
    folds, valid = folds_of(parts), parts.valid_cases()
    cases = [case for fold in folds for case in fold.cases]
    shown = [
        Served(
            features=case.features,
            hint_id=hint_id(FIRST) if row % 2 else None,
            propensity=0.5 if row < 120 else 1.0,
            value=0.5,
            learnt={"model": 0.4 + 0.2 * (row % 2), "slate": 0.5},
        )
        for row, case in enumerate(cases)
    ]
    log = SlateLog(served=shown, left_out=0)
    planted = with_planted(parts, by_length, cases + valid)
    plan = replace(PLAN, calls=60, static_calls=10)
    learnt = await learn_policy(planted, folds, valid, plan, lambda *_: None, log)
    assert learnt.logged == 60
    outcomes = log.outcomes("model")
    assert outcomes.values[:2].tolist() == pytest.approx([0.4, 0.6])


def kept(parts: Parts) -> dict[str, bytes]:
    """Everything that decides what is served, but for the record of refused policies."""
    root = parts.workspace.root
    files = [root / "policy" / "current", *(root / "fusion").glob("*")]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


async def test_a_refused_policy_changes_nothing_that_serves(parts: Parts) -> None:
    served = await learn(parts, by_length)
    before, hints = kept(parts), parts.store.hints()
    fusion = open_again(parts)
    parts.rewards.close()
    parts = replace(parts, rewards=RewardStore(None))
    refused = await learn(parts, by_lot)
    assert served.decision.serves
    assert not refused.decision.serves
    assert refused.version != served.version
    assert kept(parts) == before
    assert parts.store.hints() == hints
    assert open_again(parts) == fusion


def open_again(parts: Parts) -> SlateFusion:
    """Read the fusion that a process would open now."""
    weights = parts.weights_of(parts.settings.tenant)
    assert weights is not None
    return weights.fusion


async def test_weights_come_and_go_with_their_policy(parts: Parts) -> None:
    settings = parts.settings.model_copy(update={"calls_per_slate": 2})
    two = replace(parts, settings=settings)
    learnt = await learn(two, by_length)
    assert learnt.decision.serves
    found = two.weights_of("default")
    assert found is not None
    assert found.calls == 2
    assert replace(two).mix == found.mix
    assert replace(two, settings=parts.settings).mix == Mix()
    other = settings.model_copy(update={"way": "passes"})
    assert replace(two, settings=other).weights_of("default") is None
    switch(two.workspace.policy, None)
    assert two.weights_of("default") is None
    assert replace(two).mix == Mix()


@pytest.mark.parametrize(("source", "sources", "comes"), [("explore", 1, 1), ("feedback", 2, 1)])
async def test_a_shadow_that_the_policy_gains_by_becomes_active(
    parts: Parts, source: str, sources: int, comes: int
) -> None:
    make_shadow(parts, source, sources)
    learnt = await learn(parts, by_length)
    assert learnt.decision.serves, learnt.decision.words
    assert [hint.text for hint in learnt.promoted] == [SECOND] * comes
    found = parts.store.get(hint_id(SECOND))
    assert found is not None
    assert found.status is Status.ACTIVE


async def test_what_one_source_alone_led_to_is_neither_paid_for_nor_served(parts: Parts) -> None:
    make_shadow(parts, "feedback", 1)
    learnt = await learn(parts, by_length)
    assert learnt.hints == 1
    assert learnt.promoted == ()
    found = parts.store.get(hint_id(SECOND))
    assert found is not None
    assert found.status is Status.SHADOW
    assert learnt.decision.over_none.mean < 0.3


def make_shadow(parts: Parts, source: str, sources: int) -> None:
    hint = Hint(
        hint_id=hint_id(SECOND),
        text=SECOND,
        status=Status.SHADOW,
        provenance=Provenance(source=source),
    )
    parts.store.put(hint, by="test", why="held back")
    for number in range(sources):
        parts.store.support(hint.hint_id, f"shopper {number}")


def test_a_shadow_needs_several_sessions_and_a_sure_gain(parts: Parts) -> None:
    make_shadow(parts, "explore", 1)
    hints = hint_side(Eligible(hints=tuple(parts.store.hints()), vectors=np.eye(2, 4)))
    column = hints.ids.index(hint_id(SECOND))
    picks = [Pick(column=column, score=0.1)] * 12
    gains = np.full((12, 2), np.nan)
    gains[0, column] = 0.5
    assert promotable(parts, picks, gains, hints, seed=0) == ()
    gains[:, column] = [0.9, *[-0.05] * 11]
    assert promotable(parts, picks, gains, hints, seed=0) == ()
    gains[:, column] = 0.1
    assert [hint.text for hint in promotable(parts, picks, gains, hints, seed=0)] == [SECOND]


def test_sessions_to_fit_on_and_to_judge_by_are_always_the_same(parts: Parts) -> None:
    valid = parts.valid_cases()
    fit, judged = parted(valid)
    assert len(fit) + len(judged) == len(valid)
    assert not {case.key for case in fit} & {case.key for case in judged}
    again, _ = parted(valid[::-1])
    assert {case.key for case in again} == {case.key for case in fit}
    assert 0.2 < len(fit) / len(valid) < 0.6


@pytest.mark.parametrize("helps", [True, False])
async def test_a_hinted_order_weighs_as_much_as_it_is_worth(parts: Parts, helps: bool) -> None:
    valid = parts.valid_cases()
    parts = with_planted(parts, lambda *_: helps, valid)
    before = parts.fusion
    weighed = await weigh_hinted(parts, [(case, FIRST) for case in valid])
    assert weighed.fusion.weight == before.weight
    assert weighed.fusion.hinted is not None
    assert (weighed.fusion.hinted > 0) == helps
    assert parts.fusion == before


async def test_exploring_again_pays_for_next_to_nothing(parts: Parts) -> None:
    plan = Plan(hints=4, patience=4)
    first = await explore(parts, folds_of(parts, 60), plan, lambda *_: None)
    assert first.errors > 0
    assert first.usage.calls > 0
    hints = {hint.hint_id: hint.status for hint in parts.store.hints()}
    again = await explore(parts, folds_of(parts, 60), plan, lambda *_: None)
    assert again.usage.calls - first.usage.calls <= 0.02 * first.usage.calls
    assert {hint.hint_id: hint.status for hint in parts.store.hints()} == hints


async def test_a_session_without_items_is_asked_plainly(parts: Parts) -> None:
    encoder = parts.store.encoder
    hint = hint_id(FIRST)
    scorer = ConstantScorer(
        (hint,), torch.tensor([0.5]), features=len(FEATURE_NAMES), dim=encoder.dim
    )
    card = Card(kind="", origin=Origin(trainer="test"), encoder=encoder.identity, dim=0)
    save_policy(parts.workspace.policy, scorer, card, serve=True)
    items, settings = parts.dataset.test[0].items, parts.settings
    parts.close()
    async with await Re2LLM.open(settings) as app:
        assert (await app.recommend(items)).hint_id == hint
        assert (await app.recommend([])).hint_id is None
        assert (await app.recommend(["no such item"])).hint_id is None
