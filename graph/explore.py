"""Reflective exploration: the model's errors on training sessions become hints."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.builder import RecommendApp, build_graph
from re2llm.graph.cases import Case
from re2llm.graph.folds import Fold
from re2llm.graph.parts import Parts
from re2llm.graph.state import RecommendInput
from re2llm.kb_store.hint import Status
from re2llm.llm.usage import Usage
from re2llm.nodes.context import Context

Report = Callable[[int, int], None]


class Ending(StrEnum):
    """Why an exploration ended."""

    ENOUGH = "the knowledge base holds as many active hints as asked for"
    DRY = "the last reflections brought nothing that was admitted"
    DONE = "every error was reflected on"
    BUDGET = "the budget is used up; what was learnt and paid for is kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How far an exploration goes.

    Attributes:
        hints: stop when this many hints are active.
        patience: stop when this many reflections in a row added no active hint.
        side_by_side: reflections at a time.
    """

    hints: int = 20
    patience: int = 25
    side_by_side: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What an exploration brought.

    Attributes:
        sessions: how many were ranked; `errors` of them missed the shown places.
        proposed: different hints that reflection wrote; `admitted` of them became active, `shadow`
            wait.
    """

    sessions: int
    errors: int
    reflections: int
    proposed: int
    admitted: int
    shadow: int
    active: int
    ending: Ending
    usage: Usage


async def explore(parts: Parts, folds: Sequence[Fold], plan: Plan, report: Report) -> Explored:
    """Rank the folds' sessions, then reflect on errors, the most different ones first.

    Each fold is served by a retriever that has not seen its sessions. A second run pays for nothing
    that the first one paid for: answers come from the cache, and a hint keeps its id.
    """
    measure = parts.measure
    cases = [(fold, case) for fold in folds for case in fold.cases]
    found = 0

    async def missed(case: Case) -> bool:
        nonlocal found
        order = await measure.order(case.task, None)
        found += 1
        report(found, len(cases))
        return order is not None and case.target in order[case.task.k :]

    verdicts = await asyncio.gather(*(missed(case) for _, case in cases))
    failed = [pair for pair, is_error in zip(cases, verdicts, strict=True) if is_error]
    order = farthest_first(np.stack([case.features for _, case in failed])) if failed else []
    walk = _Walk(parts, plan, [case for _, case in cases], report)
    ending = await walk.through([failed[position] for position in order])
    return Explored(
        sessions=len(cases),
        errors=len(failed),
        reflections=walk.reflections,
        proposed=walk.count(),
        admitted=walk.count(Status.ACTIVE),
        shadow=walk.count(Status.SHADOW),
        active=walk.active(),
        ending=ending,
        usage=parts.client.budget.spent,
    )


class _Walk:
    """One pass over the errors, a few side by side."""

    def __init__(self, parts: Parts, plan: Plan, cases: Sequence[Case], report: Report) -> None:
        self._parts = parts
        self._plan = plan
        self._report = report
        self._graphs: dict[int, RecommendApp] = {}
        guard = parts.admission(lambda: cases, source="explore", sources=1)
        self._reflecting = replace(parts.steps.reflect, admission=guard)
        self.reflections = self._barren = 0
        self._seen: dict[str, str] = {}

    def count(self, status: Status | None = None) -> int:
        """Count the different hints that were proposed, or those of them that got this status."""
        return sum(status is None or found == status for found in self._seen.values())

    def active(self) -> int:
        """Count the active hints."""
        tenant = self._parts.settings.tenant
        return len(self._parts.store.hints(tenant=tenant, status=[Status.ACTIVE]))

    async def through(self, failed: Sequence[tuple[Fold, Case]]) -> Ending:
        """Reflect, group by group, until there is a reason to stop."""
        step = self._plan.side_by_side
        for start in range(0, len(failed), step):
            if self.active() >= self._plan.hints:
                return Ending.ENOUGH
            if self._barren >= self._plan.patience:
                return Ending.DRY
            if self._parts.client.budget.refused:
                return Ending.BUDGET
            await asyncio.gather(*(self._reflect(*pair) for pair in failed[start : start + step]))
            self._report(min(start + step, len(failed)), len(failed))
        return Ending.DONE

    async def _reflect(self, fold: Fold, case: Case) -> None:
        given: RecommendInput = {
            "session": list(case.session.items),
            "given_candidates": [candidate.item.item_id for candidate in case.task.candidates],
            "k": case.task.k,
            "feedback": {"chosen": case.target},
        }
        context = Context(tenant=self._parts.settings.tenant, hint="none", wait=False)
        output = await self._graph(fold).ainvoke(given, context=context)
        hints = output.get("new_hints", [])
        self.reflections += 1
        fresh = [
            hint
            for hint in hints
            if hint["status"] in (Status.ACTIVE, Status.SHADOW)
            and self._seen.get(hint["hint_id"]) != hint["status"]
        ]
        self._barren = 0 if fresh else self._barren + 1
        self._seen.update({hint["hint_id"]: hint["status"] for hint in hints})

    def _graph(self, fold: Fold) -> RecommendApp:
        if fold.number not in self._graphs:
            steps = self._parts.steps
            blind = replace(
                steps,
                retrieve=replace(steps.retrieve, retriever=fold.retriever),
                reflect=self._reflecting,
            )
            self._graphs[fold.number] = build_graph(blind).compile()
        return self._graphs[fold.number]


def farthest_first(points: NDArray[np.float32]) -> list[int]:
    """Order points so that each next one is farthest from all before; the most central one leads.

    Args:
        points: (n, features), any scale; each feature is standardised first.
    """
    spread = points.std(axis=0)
    scaled = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)
    nearest = np.full(len(points), np.inf)
    order = [int(np.square(scaled).sum(axis=1).argmin())]
    while len(order) < len(points):
        nearest = np.minimum(nearest, np.square(scaled - scaled[order[-1]]).sum(axis=1))
        nearest[order[-1]] = -1.0
        order.append(int(nearest.argmax()))
    return order
