"""Learning through the real graph's parts, with a model of which we know whom a hint helps."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from shop_settings import settings_for

from re2llm.catalog.items import Item
from re2llm.graph.app import Re2LLM
from re2llm.graph.cases import Case
from re2llm.graph.explore import Plan, explore
from re2llm.graph.folds import Fold, make_folds
from re2llm.graph.learn import Learnt, TrainPlan, learn_policy
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import learn_fusion, weigh_hinted
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.policy.card import Card, Origin
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.saved import current, save_policy
from re2llm.policy.thompson import Thompson

FIRST, SECOND = "Prefer cheaper candidates.", "Prefer newer candidates."

Helps = Callable[[Sequence[Item], str], bool]


class Planted:
    """Ranks the next item first where the hint helps, last where it does harm."""

    def __init__(self, cases: Sequence[Case], helps: Helps) -> None:
        self._targets = {_ids(case.task): case.target for case in cases}
        self._helps = helps
        self.asked = 0

    async def rerank(self, task: RankTask) -> RankAnswer:
        self.asked += 1
        order = [one.item.item_id for one in task.candidates]
        target = self._targets[_ids(task)]
        if task.hint is not None and target in order:
            order.remove(target)
            order.insert(0 if self._helps(task.session, task.hint) else len(order), target)
        return RankAnswer(order=tuple(order), listed=len(order))


def _ids(task: RankTask) -> tuple[str, ...]:
    return tuple(item.item_id for item in task.session)


def by_length(session: Sequence[Item], hint: str) -> bool:
    """The first hint helps long sessions, the second one short ones."""
    return (len(session) >= 5) == (hint == FIRST)


def by_lot(session: Sequence[Item], hint: str) -> bool:
    """What helps whom has nothing to do with what can be seen."""
    lot = "".join(item.item_id for item in session) + hint
    return hashlib.sha256(lot.encode()).digest()[0] % 5 < 2


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    opened = open_parts(settings_for(shop), None)
    opened.store.put_all(
        [Hint(hint_id=hint_id(text), text=text, status=Status.ACTIVE) for text in (FIRST, SECOND)],
        by="test",
        why="to learn about",
    )
    yield opened
    opened.close()


def folds_of(parts: Parts, limit: int = 150) -> list[Fold]:
    return make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=limit, seed=0)


async def learn(parts: Parts, helps: Helps) -> Learnt:
    folds, valid = folds_of(parts), parts.valid_cases()
    planted = Planted([case for fold in folds for case in fold.cases] + valid, helps)
    vars(parts)["reranker"] = planted
    parts = await learn_fusion(parts, valid, lambda *_: None)
    vars(parts)["reranker"] = planted
    plan = TrainPlan(trainer=Thompson(), calls=250, static_calls=40)
    return await learn_policy(parts, folds, valid, plan, lambda *_: None)


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


@pytest.mark.parametrize("helps", [True, False])
async def test_a_hinted_order_weighs_as_much_as_it_is_worth(parts: Parts, helps: bool) -> None:
    valid = parts.valid_cases()
    vars(parts)["reranker"] = Planted(valid, lambda *_: helps)
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
