"""A workspace whose model is planted: of each hint it is known whom it helps."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from shop_settings import settings_for

from re2llm.catalog.items import Item
from re2llm.graph.cases import Case
from re2llm.graph.folds import Fold, make_folds
from re2llm.graph.learn import Learnt, learn_policy
from re2llm.graph.learning import TrainPlan
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.policy.thompson import Thompson

FIRST, SECOND = "Prefer cheaper candidates.", "Prefer newer candidates."


def with_hints(shop: Path) -> Parts:
    """Open the shop with two hints to learn about; close it after use."""
    opened = open_parts(settings_for(shop), None)
    opened.store.put_all(
        [Hint(hint_id=hint_id(text), text=text, status=Status.ACTIVE) for text in (FIRST, SECOND)],
        by="test",
        why="to learn about",
    )
    return opened


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


@dataclass(frozen=True, kw_only=True)
class PlantedParts(Parts):
    """A workspace whose model is a planted one."""

    planted: Planted

    @property
    def reranker(self) -> Planted:  # type: ignore[override]
        return self.planted


def with_planted(parts: Parts, helps: Helps, cases: Sequence[Case]) -> PlantedParts:
    opened = {one.name: getattr(parts, one.name) for one in fields(Parts)}
    return PlantedParts(**opened, planted=Planted(cases, helps))


def _ids(task: RankTask) -> tuple[str, ...]:
    return tuple(item.item_id for item in task.session)


def by_length(session: Sequence[Item], hint: str) -> bool:
    """The first hint helps long sessions, the second one short ones."""
    return (len(session) >= 5) == (hint == FIRST)


def by_lot(session: Sequence[Item], hint: str) -> bool:
    """What helps whom has nothing to do with what can be seen."""
    lot = "".join(item.item_id for item in session) + hint
    return hashlib.sha256(lot.encode()).digest()[0] % 5 < 2


def folds_of(parts: Parts, limit: int = 150) -> list[Fold]:
    return make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=limit, seed=0)


PLAN = TrainPlan(trainer=Thompson(), calls=250, static_calls=40)


async def learn(parts: Parts, helps: Helps, plan: TrainPlan = PLAN) -> Learnt:
    folds, valid = folds_of(parts), parts.valid_cases()
    planted = with_planted(parts, helps, [case for fold in folds for case in fold.cases] + valid)
    return await learn_policy(planted, folds, valid, plan, lambda *_: None)
