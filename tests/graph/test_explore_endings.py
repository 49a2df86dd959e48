"""An exploration tells why it ended, and what stood in its way."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from exploring import SAYINGS, Steered, explored, ids
from shop_settings import settings_for

from re2llm.graph.cases import Case
from re2llm.graph.exploration import Ending, Explored, Plan
from re2llm.graph.explore import explore
from re2llm.graph.folds import make_folds
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.trial import SimilarSessions
from re2llm.kb_store.effect import TrialUnavailable
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reflection import Failure, Reflection


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    settings = settings_for(shop).model_copy(update={"reward": "model"})
    opened = open_parts(settings, None)
    yield opened
    opened.close()


@dataclass
class Mute:
    """A model that says nothing of use: in rankings, or in reflections."""

    async def rerank(self, task: RankTask) -> RankAnswer:
        order = tuple(one.item.item_id for one in task.candidates)
        return RankAnswer(order=order, listed=0, degraded="no answer")

    async def reflect(self, failure: Failure) -> Reflection:
        return Reflection(degraded="no hints (the server is away)")


async def plainly(parts: Parts, plan: Plan) -> Explored:
    folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=40, seed=0)
    return await explore(parts, folds, plan, lambda *_: None)


@pytest.mark.parametrize("calls", [0, 3])
async def test_a_budget_too_small_to_rank_is_no_shop_without_errors(shop: Path, calls: int) -> None:
    few = settings_for(shop).model_copy(update={"max_calls": calls})
    with closing(open_parts(few, None)) as parts:
        found = await plainly(parts, Plan())
    assert found.ending is Ending.BUDGET
    assert found.usage.calls == calls
    assert found.unranked == 40 - calls


async def test_the_last_errors_are_not_called_reflected_on_without_a_budget(shop: Path) -> None:
    few = settings_for(shop).model_copy(update={"max_calls": 45})
    with closing(open_parts(few, None)) as parts:
        found = await plainly(parts, Plan(side_by_side=100))
    assert found.reflections == found.errors > found.spared > 0
    assert found.ending is Ending.BUDGET


async def test_a_model_that_says_nothing_is_told_of(parts: Parts) -> None:
    vars(parts)["steps"] = replace(
        parts.steps, reflect=replace(parts.steps.reflect, reflector=Mute())
    )
    vars(parts)["reranker"] = Steered({}, 1)
    found = await plainly(parts, Plan(patience=3, side_by_side=1))
    assert (found.ending, found.reflections, found.silent) == (Ending.SILENT, 3, 3)
    assert "the server is away" in found.trouble
    vars(parts)["reranker"] = Mute()
    parts.known.clear()
    found = await plainly(parts, Plan())
    assert (found.ending, found.unranked, found.errors) == (Ending.SILENT, 40, 0)


async def test_nothing_is_paid_for_where_there_is_nothing_to_find(parts: Parts) -> None:
    found, _ = await explored(parts, Plan(hints=1, side_by_side=1, flat=0))
    assert found.active >= 1
    vars(parts)["reranker"] = None  # asking it would fail
    found = await plainly(parts, Plan(hints=1))
    assert (found.ending, found.reflections) == (Ending.ENOUGH, 0)


async def test_a_shop_in_which_all_goes_right_is_told_of(parts: Parts) -> None:
    class Right(Steered):
        async def rerank(self, task: RankTask) -> RankAnswer:
            return await super().rerank(replace(task, hint=SAYINGS[0]))

    folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=40, seed=0)
    cases = [case for fold in folds for case in fold.cases]
    vars(parts)["reranker"] = Right({ids(case.task): case.target for case in cases}, 1)
    found = await plainly(parts, Plan())
    assert (found.ending, found.errors, found.unranked) == (Ending.RIGHT, 0, 0)


class Some:
    """Gains that could be measured in a few cases alone."""

    def __init__(self, there: int) -> None:
        self._there = there

    async def each_gain(self, cases: Sequence[Case], hint: str) -> list[float | None]:
        return [0.5 if place < self._there else None for place in range(len(cases))]


async def test_a_trial_that_mostly_failed_tells_nothing(parts: Parts) -> None:
    cases = parts.valid_cases()
    failure = Failure(task=cases[0].task, order=(), target=cases[0].target)
    encoder = parts.retrieval.encoder
    whole = SimilarSessions(lambda: cases, Some(12), encoder)  # type: ignore[arg-type]
    assert np.nansum(await whole.similar_gains(failure, SAYINGS[0], 24)) == 6
    failing = SimilarSessions(lambda: cases, Some(11), encoder)  # type: ignore[arg-type]
    with pytest.raises(TrialUnavailable, match="11 full answers where 24"):
        await failing.similar_gains(failure, SAYINGS[0], 24)
