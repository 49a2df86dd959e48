"""The application: a shop's workspace opened, asked, and told what the shopper did."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from re2llm.checkpoints import open_checkpoints
from re2llm.errors import UserError
from re2llm.graph.builder import RecommendApp, build_graph
from re2llm.graph.models import close_models
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.routing import is_error
from re2llm.graph.shopkeeping import Shopkeeping, listed
from re2llm.graph.slate import Outcome, Slate, read_notices, read_slate, read_usage
from re2llm.graph.state import RecommendInput, RecommendOutput
from re2llm.graph.traces import about, tell_slate
from re2llm.nodes.context import Context
from re2llm.nodes.intake import read_feedback
from re2llm.nodes.state import Feedback, State
from re2llm.settings import Settings, read_settings
from re2llm.threaded_saver import NEW
from re2llm.tracing import Tracing


class Re2LLM(Shopkeeping):
    """A recommender for one shop; open it once, use it from one event loop.

    Attributes:
        graph: the compiled LangGraph; embed it as a node.
        parts: the opened rooms.
        tracing: what of it is traced. A `graph` that is embedded elsewhere is traced from there.
    """

    def __init__(
        self,
        parts: Parts,
        graph: RecommendApp,
        stack: AsyncExitStack,
        tracing: Tracing | None = None,
    ) -> None:
        """Keep what `open` put together; callers use `open`."""
        self.parts = parts
        self.graph = graph
        self.tracing = tracing or Tracing()
        self._stack = stack
        self._stamps = parts.stamps
        self._resuming: dict[str, asyncio.Lock] = {}

    @classmethod
    async def open(
        cls, settings: Settings | None = None, *, chat_model: BaseChatModel | None = None
    ) -> "Re2LLM":
        """Open a workspace.

        Args:
            settings: what to open; the environment's settings without a word.
            chat_model: any LangChain chat model, in place of the one that the settings name.

        Raises:
            UserError: there is no catalogue, another process writes this workspace, a setting does
                not fit it, or slates are to be traced and there is no key.
        """
        settings = settings or read_settings()
        async with AsyncExitStack() as stack:
            parts = await asyncio.to_thread(open_parts, settings, chat_model)
            stack.callback(parts.close)
            stack.push_async_callback(close_models, parts.owned)
            parts.stock.watch()
            saver = None
            if settings.checkpoints:
                saver = await stack.enter_async_context(
                    open_checkpoints(parts.workspace.slates, url=settings.database)
                )
            graph = build_graph(parts.steps).compile(checkpointer=saver, name="re2llm")
            tracing = Tracing.open(settings, about(parts))
            stack.push_async_callback(tracing.aclose)
            return cls(parts, graph, stack.pop_all(), tracing)

    async def __aenter__(self) -> "Re2LLM":
        """Use as `async with await Re2LLM.open(...) as app`."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of files and locks."""
        await self._stack.aclose()

    async def renew(self) -> bool:
        """Use what training has put in the workspace since; false where there is nothing new.

        What is under way goes on with what it began with. Cheap to ask: it looks at three files.

        Raises:
            UserError: what is there is damaged or does not fit; what served before goes on.
        """
        stamps = await asyncio.to_thread(lambda: self.parts.stamps)
        if stamps == self._stamps:
            return False
        parts = await asyncio.to_thread(self.parts.renewed)
        steps = await asyncio.to_thread(lambda: parts.steps)
        saver = self.graph.checkpointer
        self.graph = build_graph(steps).compile(checkpointer=saver, name="re2llm")
        self.parts, self._stamps = parts, stamps
        return True

    async def recommend(
        self,
        session: Sequence[str] = (),
        *,
        request: str | None = None,
        k: int | None = None,
        candidates: Sequence[str] | None = None,
        filters: dict[str, object] | None = None,
        hint: str = "policy",
        tenant: str | None = None,
    ) -> Slate:
        """Make a slate.

        Args:
            session: item ids, oldest first; unknown ones are ignored with a notice.
            request: what the shopper says.
            k: how many places are shown.
            candidates: item ids to rank instead of retrieving.
            filters: hard limits, as `re2llm.catalog.filters.Filters.parse` reads them.
            hint: `policy`, `none`, or a hint's id.
            tenant: whose hints and policy are used; the settings' tenant without a word.

        Raises:
            UserError: the request is malformed.
        """
        slate_id = uuid.uuid4().hex
        given: RecommendInput = {
            "slate_id": slate_id,
            "session": listed(session),
            "request": request,
            "given_candidates": None if candidates is None else listed(candidates),
            "filters": filters,
            "k": self.parts.settings.k if k is None else k,
        }
        context = Context(tenant=tenant or self.parts.settings.tenant, hint=hint)
        traced = self.tracing.trace("slate", slate_id, given, thread_id=slate_id, asked=hint)
        with traced as trace:
            with trace.inside():
                output = await self.graph.ainvoke(
                    given, _thread(slate_id, new=True), context=context, durability="exit"
                )
            tell_slate(trace, cast(RecommendOutput, output))
        return read_slate(cast(RecommendOutput, output), self.parts.catalog)

    async def feedback(
        self,
        slate_id: str,
        *,
        chosen: str | None,
        source: str | None = None,
        session: str | None = None,
        tenant: str | None = None,
    ) -> Outcome:
        """Tell what the shopper took; an error makes the system reflect.

        Saying the same again changes nothing and returns the same outcome. What is learnt goes to
        the tenant that the slate was served to.

        Args:
            slate_id: of the slate.
            chosen: the item taken, or None where nothing was.
            source: who says so, opaque; a hint that feedback leads to needs independent sources.
            session: for whom, where one source speaks for many.
            tenant: who gives the feedback; checked where it is given.

        Raises:
            UserError: no such slate was served here (to this tenant), it has other feedback
                already, or this is none.
        """
        if self.graph.checkpointer is None:
            raise UserError("feedback needs checkpoints; set RE2LLM_CHECKPOINTS=true")
        feedback: Feedback = {"chosen": chosen}
        if source is not None:
            feedback["source"] = source
        if session is not None:
            feedback["session"] = session
        read_feedback(feedback)
        lock = self._resuming.setdefault(slate_id, asyncio.Lock())
        async with lock:
            output = await self._resume(slate_id, feedback, tenant)
        self._resuming.pop(slate_id, None)
        after = ("await_feedback", "reflect")
        return Outcome(
            error=is_error(cast(State, output)),
            new_hints=tuple(output.get("new_hints", [])),
            notices=read_notices(output, after),
            usage=read_usage(output, after),
        )

    async def _resume(
        self, slate_id: str, feedback: Feedback, tenant: str | None
    ) -> RecommendOutput:
        thread = _thread(slate_id)
        snapshot = await self.graph.aget_state(thread)
        if not snapshot.values:
            raise UserError(f"no slate {slate_id!r} was served from this workspace")
        served = snapshot.values.get("tenant") or self.parts.settings.tenant
        if tenant is not None and tenant != served:
            raise UserError(f"no slate {slate_id!r} was served to tenant {tenant!r}")
        if not snapshot.next:
            before = {"slate": None, **(snapshot.values.get("feedback") or {})}
            if before != {**feedback, "slate": before["slate"]}:
                raise UserError(f"slate {slate_id!r} has other feedback already")
            return cast(RecommendOutput, snapshot.values)
        if feedback["chosen"] is not None and feedback["chosen"] not in self.parts.catalog:
            raise UserError(f"item {feedback['chosen']!r} is not in the catalogue")
        context = Context(tenant=served)
        given: Command[str] | None = Command(resume=feedback) if snapshot.interrupts else None
        told = {"slate_id": slate_id, **feedback}
        traced = self.tracing.trace("feedback", uuid.uuid4().hex, told, thread_id=slate_id)
        with traced as trace, trace.inside():
            output = await self.graph.ainvoke(given, thread, context=context, durability="exit")
        return cast(RecommendOutput, output)


def _thread(slate_id: str, *, new: bool = False) -> RunnableConfig:
    return {"configurable": {"thread_id": slate_id, **({NEW: True} if new else {})}}
