"""When exploration ends, and what it learns from: misses, beside what was right."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from exploring import SAYINGS, Saying, Steered, explored, ids
from learning_app import EveryHintHelps
from shop_settings import settings_for

from re2llm.graph.cases import Case
from re2llm.graph.exploration import Ending, Plan
from re2llm.graph.explore import explore, farthest_first
from re2llm.graph.folds import make_folds
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.successes import Successes
from re2llm.llm.reflection import Failure, HintDraft, Reflection


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    settings = settings_for(shop).model_copy(update={"reward": "model"})
    opened = open_parts(settings, None)
    yield opened
    opened.close()


async def test_it_stops_when_new_hints_add_nothing_on_held_out_sessions(parts: Parts) -> None:
    plan = Plan(hints=50, patience=50, side_by_side=1, flat=3, held_out=32)
    found, _ = await explored(parts, plan)
    assert found.ending is Ending.FLAT
    assert found.active == 4
    assert len(found.worth) == 4
    assert found.worth[0] > 0.3
    assert max(found.worth) == pytest.approx(found.worth[0])


def test_the_most_different_sessions_come_first() -> None:
    rng = np.random.default_rng(0)
    middles = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    often = middles.repeat([30, 3, 2, 1], axis=0)
    points = (often + rng.normal(scale=0.1, size=often.shape)).astype(np.float32)
    order = farthest_first(points)
    assert sorted(order) == list(range(len(points)))
    kinds = [tuple(often[place]) for place in order]
    assert len(set(kinds[:4])) == 4
    assert farthest_first(points[:1]) == [0]


async def test_it_goes_on_where_it_is_not_asked_to_look(parts: Parts) -> None:
    plan = Plan(hints=6, patience=50, side_by_side=1, flat=0)
    found, _ = await explored(parts, plan)
    assert found.ending is Ending.ENOUGH
    assert found.worth == ()


async def test_what_feedback_may_cost_does_not_bound_it_nor_is_used_up(shop: Path) -> None:
    few = {"reward": "model", "reflections_per_hour": 2}
    with closing(open_parts(settings_for(shop).model_copy(update=few), None)) as parts:
        plan = Plan(hints=6, patience=50, side_by_side=1, flat=0)
        found, reflector = await explored(parts, plan)
        assert found.ending is Ending.ENOUGH
        assert len(reflector.failures) == found.reflections > 2
        assert parts.quota.count_waiting("default") == 0
        assert parts.quota.take("s", tenant="default", what="feedback") is None


async def test_each_miss_is_shown_beside_a_similar_session_that_was_right(parts: Parts) -> None:
    plan = Plan(hints=4, side_by_side=1, flat=0)
    _, reflector = await explored(parts, plan)
    hinted = 0
    for failure in reflector.failures:
        success = failure.success
        assert success is not None
        assert failure.target not in failure.order[: failure.task.k]
        assert success.target in success.order[: success.task.k]
        assert success.task.session != failure.task.session
        hinted += success.task.hint is not None
    assert reflector.failures[0].success is not None
    assert reflector.failures[0].success.task.hint is None
    bare, reflector = await explored(parts, Plan(hints=8, side_by_side=1, flat=0, compare=False))
    assert bare.reflections == len(reflector.failures) > 0
    assert all(failure.success is None for failure in reflector.failures)


async def test_what_a_hint_repaired_is_learnt_from_at_no_cost(parts: Parts) -> None:
    folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=120, seed=0)
    cases = [case for fold in folds for case in fold.cases]
    vars(parts)["reranker"] = Steered({ids(case.task): case.target for case in cases}, 1)
    measure = parts.measure
    successes = Successes(measure)
    orders = [await measure.order(case.task, None) for case in cases]
    missed = [
        case
        for case, order in zip(cases, orders, strict=True)
        if order is not None and case.target not in order[: case.task.k] and case.target in order
    ]
    assert successes.hinted(missed, SAYINGS[0]) == []
    first = missed[0]
    failure = Failure(task=first.task, order=(), target=first.target)
    assert successes.like(failure) is None
    for case in missed[:5]:
        await measure.order(case.task, SAYINGS[0])
    assert successes.hinted(missed, SAYINGS[0]) == missed[:5]
    like = successes.like(failure)
    assert like is not None
    assert like.task.hint == SAYINGS[0]
    assert like.order[0] == like.target
    assert like.task.session != first.task.session


@dataclass
class AsksAll(EveryHintHelps):
    """A trial that every hint passes, after the model was asked with it in every session."""

    parts: Parts
    cases: Sequence[Case]

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> Sequence[float]:
        await self.parts.measure.each_gain(self.cases, hint_text)
        return await super().similar_gains(failure, hint_text, n)


class SaysOne(Saying):
    """Proposes the same every time."""

    async def reflect(self, failure: Failure) -> Reflection:
        self.failures.append(failure)
        return Reflection(drafts=(HintDraft(text=SAYINGS[0]),))


async def test_what_an_active_hint_repaired_is_reflected_on_last(parts: Parts) -> None:
    folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=120, seed=0)
    cases = [case for fold in folds for case in fold.cases]
    vars(parts)["reranker"] = Steered({ids(case.task): case.target for case in cases}, 2)
    vars(parts)["trial"] = lambda _: AsksAll(parts, cases)
    reflector = SaysOne()
    vars(parts)["steps"] = replace(
        parts.steps, reflect=replace(parts.steps.reflect, reflector=reflector)
    )
    plan = Plan(hints=2, patience=500, side_by_side=1, flat=0)
    found = await explore(parts, folds, plan, lambda *_: None)
    assert found.ending is Ending.DONE
    assert found.reflections == found.errors == len(reflector.failures)
    kinds = [sum(map(ord, "".join(ids(one.task)))) % 2 for one in reflector.failures[1:]]
    assert 0 < sum(kinds) < len(kinds)
    assert kinds == sorted(kinds, reverse=True)
