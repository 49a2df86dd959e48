"""Walks through the errors and reflects on them, until there is a reason to stop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from re2llm.graph.builder import RecommendApp, build_graph
from re2llm.graph.cases import Case
from re2llm.graph.exploration import Ending, Plan
from re2llm.graph.folds import Fold
from re2llm.graph.held_out import HeldOut, flat
from re2llm.graph.parts import Parts
from re2llm.graph.state import RecommendInput
from re2llm.graph.successes import Successes
from re2llm.kb_store.hint import Status
from re2llm.nodes.context import Context

Report = Callable[[int, int], None]
"""Hears (done, planned)."""


class Walk:
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
        self.reflections = self.spared = self.silent = self._barren = 0
        self.trouble = ""
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
        ending = await self._ending(failed)
        mute = self.silent == self.reflections - self.spared > 0
        return Ending.SILENT if mute and ending in (Ending.DRY, Ending.DONE) else ending

    async def _ending(self, failed: Sequence[tuple[Fold, Case]]) -> Ending:
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
        return Ending.BUDGET if self._parts.client.budget.refused else Ending.DONE

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
        if case.target in output["ranking"]["items"][: case.task.k]:
            self.spared += 1
        elif not hints:
            self.silent += 1
            self.trouble = "; ".join(output.get("notices", {}).get("reflect", []))
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
