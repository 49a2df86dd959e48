"""When exploration ends, and what it learns from: misses, beside what was right."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from learning_app import EveryHintHelps
from shop_settings import settings_for

from re2llm.graph.cases import Case
from re2llm.graph.exploration import Ending, Explored, Plan
from re2llm.graph.explore import explore, farthest_first
from re2llm.graph.folds import make_folds
from re2llm.graph.held_out import HeldOut, flat
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.successes import Successes
from re2llm.graph.trial import SimilarSessions
from re2llm.kb_store.admission import AdmissionRules
from re2llm.kb_store.effect import TrialUnavailable
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reflection import Failure, HintDraft, Reflection

SAYINGS = (
    "Prefer candidates of the same brand.",
    "Weigh the latest item most.",
    "Look for sequels of what was chosen.",
    "Favour bargains.",
    "Trust what is often bought next.",
    "Demote what everybody owns.",
    "Keep to one shelf.",
    "Match the colour of the first thing.",
    "Reward shared genres.",
    "Expect refills soon.",
)
TOLD = [saying.casefold() for saying in SAYINGS]


@dataclass
class Saying:
    """Proposes the sayings one after the other, one a time."""

    failures: list[Failure] = field(default_factory=list)

    async def reflect(self, failure: Failure) -> Reflection:
        said = SAYINGS[len(self.failures) % len(SAYINGS)]
        self.failures.append(failure)
        return Reflection(drafts=(HintDraft(text=said),))


@dataclass
class Steered:
    """A model that finds the item with a hint, where that hint is for this kind of session."""

    targets: dict[tuple[str, ...], str]
    kinds: int

    async def rerank(self, task: RankTask) -> RankAnswer:
        order = [one.item.item_id for one in task.candidates]
        target = self.targets.get(_ids(task))
        if task.hint is not None and target in order:
            kind = sum(map(ord, "".join(_ids(task)))) % self.kinds
            if TOLD.index(task.hint.casefold()) % self.kinds == kind:
                order.remove(target)
                order.insert(0, target)
        return RankAnswer(order=tuple(order), listed=len(order))


def _ids(task: RankTask) -> tuple[str, ...]:
    return tuple(item.item_id for item in task.session)


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    settings = settings_for(shop).model_copy(update={"reward": "model"})
    opened = open_parts(settings, None)
    yield opened
    opened.close()


async def explored(parts: Parts, plan: Plan, *, kinds: int = 1) -> tuple[Explored, Saying]:
    """Explore with a written reflector and a steered model; admission's trial always passes."""
    folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=120, seed=0)
    cases = [case for fold in folds for case in fold.cases] + parts.valid_cases()
    targets = {_ids(case.task): case.target for case in cases}
    vars(parts)["reranker"] = Steered(targets, kinds)
    reflector = Saying()
    vars(parts)["trial"] = lambda _: EveryHintHelps()
    vars(parts)["rules"] = lambda sources: AdmissionRules(sources=sources, rivals=0)
    vars(parts)["steps"] = replace(
        parts.steps, reflect=replace(parts.steps.reflect, reflector=reflector)
    )
    return await explore(parts, folds, plan, lambda *_: None), reflector


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
    vars(parts)["reranker"] = Steered({_ids(case.task): case.target for case in cases}, 1)
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
    vars(parts)["reranker"] = Steered({_ids(case.task): case.target for case in cases}, 2)
    vars(parts)["trial"] = lambda _: AsksAll(parts, cases)
    reflector = SaysOne()
    vars(parts)["steps"] = replace(
        parts.steps, reflect=replace(parts.steps.reflect, reflector=reflector)
    )
    plan = Plan(hints=2, patience=500, side_by_side=1, flat=0)
    found = await explore(parts, folds, plan, lambda *_: None)
    assert found.ending is Ending.DONE
    assert found.reflections == found.errors == len(reflector.failures)
    kinds = [sum(map(ord, "".join(_ids(one.task)))) % 2 for one in reflector.failures[1:]]
    assert 0 < sum(kinds) < len(kinds)
    assert kinds == sorted(kinds, reverse=True)


class ByTable:
    """Gains written beforehand by hint and session."""

    def __init__(self, cases: Sequence[Case], table: dict[str, list[float]]) -> None:
        self._rows = {id(case): row for row, case in enumerate(cases)}
        self._table = table

    async def each_gain(self, cases: Sequence[Case], hint: str) -> list[float | None]:
        return [self._table[hint][self._rows[id(case)]] for case in cases]


async def test_many_hints_without_effect_look_worth_nothing(parts: Parts) -> None:
    cases = parts.valid_cases()[:60]
    rng = np.random.default_rng(0)
    luck = {f"h{n}": list(rng.normal(scale=0.3, size=len(cases))) for n in range(30)}
    held_out = HeldOut(cases, ByTable(cases, luck))  # type: ignore[arg-type]
    values = [await held_out.add(name) for name in luck]
    hindsight = np.stack(list(luck.values())).max(axis=0).mean()
    assert hindsight > 0.5
    assert abs(values[-1]) < 0.15
    features = np.stack([case.features for case in cases])
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    one = np.linalg.svd(scaled, full_matrices=False)[0][:, 0] > 0
    halves = {"one": list(np.where(one, 0.3, -0.3)), "other": list(np.where(one, -0.3, 0.3))}
    held_out = HeldOut(cases, ByTable(cases, halves))  # type: ignore[arg-type]
    first, second = [await held_out.add(name) for name in halves]
    assert second > first + 0.05


def test_flat_is_when_the_last_ones_bettered_nothing() -> None:
    assert not flat([0.1, 0.1], 2, 0.002)
    assert flat([0.1, 0.1, 0.101], 2, 0.002)
    assert not flat([0.1, 0.1, 0.103], 2, 0.002)
    assert flat([0.2, 0.1, 0.1, 0.1], 2, 0.002)
    assert not flat([0.1] * 9, 0, 0.002)


async def test_a_hint_is_judged_where_it_would_be_used(parts: Parts) -> None:
    cases = parts.valid_cases()[:60]
    features = np.stack([case.features for case in cases])
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    one = np.linalg.svd(scaled, full_matrices=False)[0][:, 0] > 0
    table = {
        "for some": list(np.where(one, 0.3, -0.3)),
        "for nobody": [-0.1] * len(cases),
    }
    held_out = HeldOut(cases, ByTable(cases, table))  # type: ignore[arg-type]
    for name in table:
        await held_out.add(name)
    (uses, used), nobody = held_out.alone()
    assert 0 < uses < len(cases)
    assert used > 0.1 > np.mean(table["for some"])
    assert nobody == (0, 0.0)


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
    vars(parts)["reranker"] = Right({_ids(case.task): case.target for case in cases}, 1)
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
