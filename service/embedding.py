"""The conversation as a graph of its own: for LangGraph servers, applications and chat clients."""

import asyncio
import logging
import uuid
from collections import OrderedDict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver

from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.builder import build_graph
from re2llm.graph.served import make_parts
from re2llm.graph.state import RecommendOutput
from re2llm.graph.traces import tell_slate
from re2llm.nodes.context import Context
from re2llm.service.asked import Asked, Served, read_served, slate_input, slate_thread
from re2llm.service.chat.assembly import chat_steps
from re2llm.service.chat.builder import ChatApp, ChatGraph, build_chat
from re2llm.service.chat.state import ChatContext

_log = logging.getLogger(__name__)
_MOST = 2000
"""So many slates wait for feedback in memory, the latest."""


class LatestSlates(InMemorySaver):
    """Keeps slates in memory for their feedback; of more than `most` the oldest is forgotten."""

    def __init__(self, most: int = _MOST) -> None:
        """Start empty."""
        super().__init__()
        self._most = most
        self._known: OrderedDict[str, None] = OrderedDict()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a slate as it stands."""
        thread: str = config["configurable"]["thread_id"]
        self._known[thread] = None
        self._known.move_to_end(thread)
        if len(self._known) > self._most:
            self.delete_thread(self._known.popitem(last=False)[0])
        return super().put(config, checkpoint, metadata, new_versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSlates:
    """Makes slates by an opened recommender and takes feedback on them, without a service.

    What reflection learns from feedback is worked on behind the answer.
    """

    app: Re2LLM
    _learning: set[asyncio.Task[None]] = field(default_factory=set)

    async def make(self, tenant: str, asked: Asked) -> Served:
        """Make a slate; raises `UserError` where the request is malformed."""
        slate_id = uuid.uuid4().hex
        given = slate_input(asked, slate_id)
        about = {"thread_id": slate_id, "asked": asked.hint, "session": asked.session_id}
        with self.app.tracing.trace("slate", slate_id, given, **about) as trace:
            with trace.inside():
                output = await self.app.graph.ainvoke(
                    given,
                    slate_thread(slate_id, new=True),
                    context=Context(tenant=tenant, hint=asked.hint),
                    durability="exit",
                )
            tell_slate(trace, cast(RecommendOutput, output))
        return read_served(cast(RecommendOutput, output), self.app.parts.catalog)

    async def take(self, context: ChatContext, slate_id: str, chosen: str | None) -> bool:
        """Begin to learn; false where the slate has other feedback already."""
        if self.app.graph.checkpointer is None:
            return True
        snapshot = await self.app.graph.aget_state({"configurable": {"thread_id": slate_id}})
        before: Any = snapshot.values.get("feedback")
        if before:
            return bool(before.get("chosen") == chosen)
        task = asyncio.create_task(self._learn(context, slate_id, chosen))
        self._learning.add(task)
        task.add_done_callback(self._learning.discard)
        return True

    async def note(self, context: ChatContext, kind: str, item_id: str, slate_id: str) -> None:
        """Note nothing: sessions are the application's own."""

    async def _learn(self, context: ChatContext, slate_id: str, chosen: str | None) -> None:
        source, tenant = context.session_id or "chat", context.tenant or None
        try:
            await self.app.feedback(slate_id, chosen=chosen, source=source, tenant=tenant)
        except UserError as error:
            _log.warning("feedback from a chat could not be used: %s", error)


def chat_graph(app: Re2LLM) -> ChatGraph:
    """Make the chat graph around an opened recommender; its state has LangChain `messages`.

    Compile it with the checkpointer of your choice, so that it remembers, or add it to a graph of
    your own as a node. Reads the whole catalogue once.

    Raises:
        UserError: a model is to read messages and none is set.
    """
    slates = OwnSlates(app=app)
    return build_chat(chat_steps(app.parts, slates, slates))


@lru_cache(maxsize=1)
def make_chat() -> ChatApp:
    """Make the chat graph without a checkpointer: a server of graphs brings its own.

    Slates wait for what the shopper says of them in this process' memory.
    """
    parts = make_parts()
    slates = build_graph(parts.steps).compile(checkpointer=LatestSlates(), name="re2llm")
    return chat_graph(Re2LLM(parts, slates, AsyncExitStack())).compile(name="chat")


async def served_chat() -> ChatApp:
    """Make the chat graph for a LangGraph server, beside its event loop."""
    return await asyncio.to_thread(make_chat)
