"""What happens to feedback: accepted durably at once, worked on behind, never lost."""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.postponed import reflect_postponed
from re2llm.kb_store.life import LifeRules, sweep
from re2llm.service.claims import Claims
from re2llm.service.problems import Problem
from re2llm.service.slates import Given, Learnt, SlateRecord, Slates
from re2llm.service.whose import Whose

_log = logging.getLogger(__name__)
_LOOK = 0.2
"""Seconds between two looks at what another replica works on."""
_CATCH_UP = 10
"""So many postponed failures at most are reflected on in one round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackDesk:
    """Takes feedback. Reflection can take a while: callers wait only as long as they want to."""

    app: Re2LLM
    slates: Slates
    claims: Claims
    _working: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def give(
        self, tenant: str, slate_id: str, chosen: str | None, *, said: Whose
    ) -> SlateRecord:
        """Accept feedback and begin to work on it.

        Raises:
            Problem: 404 for an unknown slate or item, 409 where there is other feedback already.
        """
        if chosen is not None and chosen not in self.app.parts.catalog:
            raise Problem(404, f"item {chosen!r} is not in the catalogue")
        given = Given(chosen=chosen, source=said.source, session=said.session)
        record = await asyncio.to_thread(self.slates.give, tenant, slate_id, given)
        if record.learnt is None:
            self._begin(record)
        return record

    async def wait(self, tenant: str, slate_id: str, seconds: float) -> SlateRecord:
        """Return the slate with what came of its feedback, or without where that takes longer."""
        ends = asyncio.get_running_loop().time() + seconds
        task = self._working.get(slate_id)
        if task is not None:
            await asyncio.wait([task], timeout=seconds)
        while True:
            record = await asyncio.to_thread(self.slates.read, tenant, slate_id)
            left = ends - asyncio.get_running_loop().time()
            if record.given is None or record.learnt is not None or left <= 0:
                return record
            await asyncio.sleep(min(_LOOK, left))

    async def resume(self) -> int:
        """Go on with feedback that was accepted and not finished before; returns how many."""
        waiting = await asyncio.to_thread(self.slates.unsettled)
        for record in waiting:
            self._begin(record)
        return len(waiting)

    async def catch_up(self) -> None:
        """Reflect on what was postponed, as far as the quota has room, on one replica at a time."""
        for tenant in await asyncio.to_thread(self.app.parts.quota.tenants):
            async with self.claims.tried(f"catch up {tenant}") as mine:
                if mine:
                    await reflect_postponed(
                        self.app.parts, most=_CATCH_UP, tenant=tenant, within_quota=True
                    )

    async def look_after(self) -> int:
        """Move every tenant's hints as their evidence says, on one replica at a time.

        Costs no model call; returns how many moved.
        """
        async with self.claims.tried("upkeep") as mine:
            return await asyncio.to_thread(self._sweep) if mine else 0

    def _sweep(self) -> int:
        parts = self.app.parts
        store, settings = parts.store, parts.settings
        rules = LifeRules(size=settings.max_hints, seconds_unshown=settings.hint_days * 86400)
        moved = 0
        for tenant in store.tenants():
            noted = store.log.last_noted(tenant=tenant)
            found = sweep(store, rules, now=time.time(), last_noted=noted, tenant=tenant)
            moved += len(found)
        if moved:
            _log.info("upkeep moved %d hints", moved)
        return moved

    async def drain(self, seconds: float) -> None:
        """Let work in progress end; what does not is taken up at the next start."""
        if not self._working:
            return
        _, late = await asyncio.wait(list(self._working.values()), timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _begin(self, record: SlateRecord) -> None:
        if record.slate_id in self._working:
            return
        task = asyncio.create_task(self._work(record))
        self._working[record.slate_id] = task
        task.add_done_callback(lambda done: self._ended(record.slate_id, done))

    def _ended(self, slate_id: str, task: asyncio.Task[None]) -> None:
        self._working.pop(slate_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error(
                "feedback on slate %s is kept and tried again: %s",
                slate_id,
                type(error).__name__,
            )

    async def _work(self, record: SlateRecord) -> None:
        if record.given is None:
            return
        async with self.claims.tried(_claim(record.slate_id)) as mine:
            if mine:
                await self._learn(record, record.given)

    async def _learn(self, record: SlateRecord, given: Given) -> None:
        if (await asyncio.to_thread(self.slates.read, record.tenant, record.slate_id)).learnt:
            return
        try:
            outcome = await self.app.feedback(
                record.slate_id,
                chosen=given.chosen,
                source=given.source or None,
                session=given.session or None,
                tenant=record.tenant,
            )
        except UserError as error:
            learnt = Learnt(fault=str(error))
        else:
            learnt = Learnt(
                error=outcome.error, new_hints=outcome.new_hints, notices=outcome.notices
            )
        holder = (_claim(record.slate_id), self.claims.owner)
        if not await asyncio.to_thread(self.slates.settle, record.slate_id, learnt, holder):
            _log.warning("feedback on slate %s was taken over by another", record.slate_id)


def _claim(slate_id: str) -> str:
    return f"feedback {slate_id}"
