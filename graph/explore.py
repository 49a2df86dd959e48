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
from re2llm.graph.held_out import HeldOut, flat
from re2llm.graph.parts import Parts
from re2llm.graph.state import RecommendInput
from re2llm.graph.successes import Successes
from re2llm.kb_store.hint import Status
from re2llm.llm.usage import Usage
from re2llm.nodes.context import Context

Report = Callable[[int, int], None]


class Ending(StrEnum):
    """Why an exploration ended."""

    ENOUGH = "the knowledge base holds as many active hints as asked for"
    FLAT = "new hints no longer add to what the others gain on held-out sessions"
    DRY = "the last reflections brought nothing that was admitted"
    DONE = "every error was reflected on"
    BUDGET = "the budget is used up; what was learnt and paid for is kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How far an exploration goes.

    Attributes:
        hints: stop when this many hints are active.
        patience: stop when this many reflections in a row brought no hint that was admitted, be it
            active or a shadow.
        side_by_side: reflections at a time.
        held_out: so many validation sessions measure what the active hints are worth together;
            each new active hint costs as many calls.
        flat: stop when so many new active hints in a row added less than `least` to that; 0 never
            stops for it, and measures nothing.
        least: in the metric's units, per session.
        compare: whether each miss is shown beside a similar session whose ranking was right.
    """

    hints: int = 20
    patience: int = 25
    side_by_side: int = 4
    held_out: int = 64
    flat: int = 5
    least: float = 0.002
    compare: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What an exploration brought.

    Attributes:
        sessions: how many were ranked; `errors` of them missed the shown places.
        proposed: different hints that reflection wrote; `admitted` of them became active, `shadow`
            wait.
        worth: mean gain per held-out session after each active hint, those of before first; empty
            where it was not measured.
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
    worth: tuple[float, ...] = ()


async def explore(parts: Parts, folds: Sequence[Fold], plan: Plan, report: Report) -> Explored:
    """Rank the folds' sessions, then reflect on errors, the most different ones first.

    Errors that an active hint is known to have repaired come last: what is served already teaches
    least.

    What was ranked right is learnt from too: each error is shown beside a similar session in which
    the item was found, by the plain question or thanks to a hint that was admitted before.

    Each fold is served by a retriever that has not seen its sessions. A second run pays for next to
    nothing: answers come from the cache, and a hint keeps its id; only what is asked about the
    knowledge base itself, which has grown since, is asked anew.
    """
    measure = parts.measure
    cases = [(fold, case) for fold in folds for case in fold.cases]
    successes = Successes(measure)
    found = 0

    async def ranked(case: Case) -> list[str] | None:
        nonlocal found
        order = await measure.order(case.task, None)
        found += 1
        report(found, len(cases))
        return order

    failed: list[tuple[Fold, Case]] = []
    orders = await asyncio.gather(*(ranked(case) for _, case in cases))
    for (fold, case), ids in zip(cases, orders, strict=True):
        if ids is not None and case.target in ids[: case.task.k]:
            successes.plain(case, ids)
        elif ids is not None and case.target in ids:
            failed.append((fold, case))
    order = farthest_first(np.stack([case.features for _, case in failed])) if failed else []
    walk = _Walk(parts, plan, [case for _, case in cases], successes, report)
    ending = await walk.through([failed[position] for position in order])
    return Explored(
        sessions=len(cases),
        errors=len(failed),
        reflections=walk.reflections,
        proposed=walk.count(),
        admitted=walk.count(Status.ACTIVE),
        shadow=walk.count(Status.SHADOW),
        active=len(walk.active()),
        ending=ending,
        usage=parts.client.budget.spent,
        worth=tuple(walk.worth),
    )


class _Walk:
    """One pass over the errors, a few side by side."""

    def __init__(
        self,
        parts: Parts,
        plan: Plan,
        cases: Sequence[Case],
        successes: Successes,
        report: Report,
    ) -> None:
        self._parts = parts
        self._plan = plan
        self._report = report
        self._successes = successes
        self._graphs: dict[int, RecommendApp] = {}
        guard = parts.admission(lambda: cases, source="explore", sources=1)
        # The quota is for feedback from outside; exploration has a budget of calls.
        self._reflecting = replace(
            parts.steps.reflect,
            admission=guard,
            examples=successes if plan.compare else None,
            quota=None,
        )
        self.reflections = self._barren = 0
        self._seen: dict[str, str] = {}
        self._held_out: HeldOut | None = None
        self._valued: set[str] = set()
        self._repaired: set[str] = set()
        self.worth: list[float] = []

    def count(self, status: Status | None = None) -> int:
        """Count the different hints that were proposed, or those of them that got this status."""
        return sum(status is None or found == status for found in self._seen.values())

    def active(self) -> dict[str, str]:
        """Return the active hints' ids and texts."""
        tenant = self._parts.settings.tenant
        hints = self._parts.store.hints(tenant=tenant, status=[Status.ACTIVE])
        return {hint.hint_id: hint.text for hint in hints}

    async def through(self, failed: Sequence[tuple[Fold, Case]]) -> Ending:
        """Reflect, group by group, until there is a reason to stop."""
        step = self._plan.side_by_side
        cases = [case for _, case in failed]
        waiting = list(failed)
        while waiting:
            active = self.active()
            if len(active) >= self._plan.hints:
                return Ending.ENOUGH
            if self._barren >= self._plan.patience:
                return Ending.DRY
            await self._value(active, cases)
            if self._parts.client.budget.refused:
                return Ending.BUDGET
            if flat(self.worth, self._plan.flat, self._plan.least):
                return Ending.FLAT
            waiting.sort(key=lambda pair: pair[1].key in self._repaired)
            await asyncio.gather(*(self._reflect(*pair) for pair in waiting[:step]))
            del waiting[:step]
            self._report(len(failed) - len(waiting), len(failed))
        return Ending.DONE

    async def _value(self, active: dict[str, str], missed: Sequence[Case]) -> None:
        """Note what the new active hints repaired, and what all are worth with each of them."""
        for hint_id, text in active.items():
            if hint_id in self._valued:
                continue
            self._valued.add(hint_id)
            self._repaired.update(case.key for case in self._successes.hinted(missed, text))
            if self._plan.flat > 0:
                if self._held_out is None:
                    made = await asyncio.to_thread(self._parts.some_valid, self._plan.held_out)
                    self._held_out = HeldOut(made, self._parts.measure)
                self.worth.append(await self._held_out.add(text))

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
                retrieve=replace(steps.retrieve, retriever=fold.retriever, sold_only=False),
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
