"""Kendall's tau tells a model that judges from one that copies the list."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from eval_helpers import FACTS
from shop_settings import settings_for

from re2llm.evals.order_sensitivity import agreement, in_other_orders, shuffled
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.llm.ranking import RankAnswer, RankTask


@dataclass(frozen=True)
class Fixed:
    """Copies the list, or orders by id whatever the list is."""

    copies: bool

    async def rerank(self, task: RankTask) -> RankAnswer:
        given = [one.item.item_id for one in task.candidates]
        order = tuple(given if self.copies else sorted(given))
        return RankAnswer(order=order, listed=len(order))


def test_agreement_is_kendalls_tau() -> None:
    assert agreement("abcd", "abcd") == 1
    assert agreement("abcd", "dcba") == -1
    assert agreement("abc", "acb") == pytest.approx(1 / 3)


@pytest.mark.parametrize(("copies", "same", "copied"), [(True, 0.0, 1.0), (False, 1.0, 0.0)])
async def test_a_copier_is_told_from_a_judge(
    shop: Path, copies: bool, same: float, copied: float
) -> None:
    parts = open_parts(settings_for(shop), None)
    try:
        object.__setattr__(parts, "reranker", Fixed(copies))
        comparison, notes = await in_other_orders(
            parts, parts.dataset.test[:20], shuffles=3, facts=FACTS, report=lambda *_: None
        )
    finally:
        parts.close()
    taus = [float(note.split(" is ")[1].split()[0]) for note in notes]
    assert taus[0] == pytest.approx(same, abs=0.1)
    assert taus[1] == pytest.approx(copied, abs=0.1)
    rows = {arm.name: tuple(arm.ranks["model"]) for arm in comparison.arms}
    assert len(rows) == 4
    assert len(set(rows.values())) == (4 if copies else 1)


def test_shuffles_repeat_and_differ(shop: Path) -> None:
    parts: Parts = open_parts(settings_for(shop), None)
    try:
        case = parts.case_maker.make(parts.dataset.test[:1], parts.retriever)[0]
    finally:
        parts.close()
    orders = [[c.item.item_id for c in shuffled(case, n, 0).candidates] for n in (0, 1, 1, 2)]
    assert orders[1] == orders[2] != orders[3]
    assert orders[0] == [c.item.item_id for c in case.task.candidates]
    assert sorted(orders[1]) == sorted(orders[0])
    assert replace(case.task, candidates=()) == replace(shuffled(case, 1, 0), candidates=())
