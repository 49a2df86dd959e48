"""How the service makes a slate: step by step, for one tenant, noted before it is shown."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

from re2llm.catalog.items import Catalog
from re2llm.graph.app import Re2LLM
from re2llm.graph.state import RecommendInput, RecommendOutput
from re2llm.graph.traces import tell_slate
from re2llm.nodes.context import Context
from re2llm.service.asked import Asked, Served, read_served, slate_input, slate_thread
from re2llm.service.slates import Slates
from re2llm.tracing import Trace

_WORDS = {
    "retrieve_candidates": "found candidates",
    "select_hint": "chose a hint",
    "rerank": "ranked them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step was done."""

    step: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommender:
    """Runs the recommendation graph; each slate is a thread that waits for its feedback."""

    app: Re2LLM
    slates: Slates

    async def make(self, tenant: str, asked: Asked) -> Served:
        """Make a slate; raises `UserError` where the request is malformed."""
        slate_id = uuid.uuid4().hex
        given = slate_input(asked, slate_id)
        output: RecommendOutput = {}
        noting: asyncio.Task[None] | None = None
        with self._traced(slate_id, given, asked) as trace:
            with trace.inside():
                stream = self.app.graph.astream(
                    given,
                    slate_thread(slate_id, new=True),
                    context=Context(tenant=tenant, hint=asked.hint),
                    durability="exit",
                    stream_mode="values",
                )
                try:
                    async for told in stream:
                        if "ranking" in told:
                            output = cast(RecommendOutput, told)
                            # Both writes wait for the disk, and need not wait for each other.
                            noting = noting or asyncio.create_task(
                                self._note(tenant, asked, read_served(output, self._catalog))
                            )
                finally:
                    if noting is not None:
                        await noting
            tell_slate(trace, output)
        if noting is None:
            raise RuntimeError("the graph ended without a slate")
        return read_served(output, self._catalog)

    async def stream(self, tenant: str, asked: Asked) -> AsyncIterator[Progress | Served]:
        """Tell each step that is done, then the slate; raises like `make`."""
        slate_id = uuid.uuid4().hex
        given = slate_input(asked, slate_id)
        output: RecommendOutput = {}
        with self._traced(slate_id, given, asked) as trace:
            stream = self.app.graph.astream(
                given,
                slate_thread(slate_id, new=True),
                context=Context(tenant=tenant, hint=asked.hint),
                durability="exit",
                stream_mode=["custom", "values"],
            )
            async for mode, told in trace.through(stream):
                if not isinstance(told, dict):
                    continue
                if mode == "values" and "ranking" in told:
                    output = cast(RecommendOutput, told)
                elif mode == "custom" and told.get("step") in _WORDS:
                    step = str(told["step"])
                    yield Progress(step=step, told=_WORDS[step])
            tell_slate(trace, output)
        served = read_served(output, self._catalog)
        await self._note(tenant, asked, served)
        yield served

    @property
    def _catalog(self) -> Catalog:
        return self.app.parts.catalog

    def _traced(
        self, slate_id: str, given: RecommendInput, asked: Asked
    ) -> AbstractContextManager[Trace]:
        about = {"thread_id": slate_id, "asked": asked.hint, "session": asked.session_id}
        return self.app.tracing.trace("slate", slate_id, given, **about)

    async def _note(self, tenant: str, asked: Asked, served: Served) -> None:
        slate = served.slate
        await asyncio.to_thread(
            self.slates.serve,
            tenant,
            slate.id,
            session_id=asked.session_id,
            shown=slate.item_ids,
            hint=slate.hint,
            hint_id=slate.hint_id,
        )
