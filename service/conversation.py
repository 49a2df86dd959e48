"""Conversations: one per session, each turn done whole and remembered before it is answered."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from weakref import WeakValueDictionary

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from re2llm.checkpoints import open_checkpoints
from re2llm.graph.app import Re2LLM
from re2llm.service.chat.assembly import chat_steps
from re2llm.service.chat.builder import ChatApp, build_chat
from re2llm.service.chat.state import ChatContext, ChatOutput
from re2llm.service.claims import Claims
from re2llm.service.feedback import FeedbackDesk
from re2llm.service.problems import Problem
from re2llm.service.recommend import Recommender
from re2llm.service.sessions import Event, Kind, Sessions
from re2llm.service.whose import Whose
from re2llm.tracing import Tracing

CHATS = "chats.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A step of the turn was done."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFeedback:
    """Passes what is said in a chat on to the session and to the slate's feedback."""

    sessions: Sessions
    desk: FeedbackDesk

    async def take(self, context: ChatContext, slate_id: str, chosen: str | None) -> bool:
        """Accept feedback; false where the slate has other feedback already."""
        try:
            await self.desk.give(
                context.tenant,
                slate_id,
                chosen,
                said=Whose(source=context.source, session=context.turn),
            )
        except Problem as problem:
            if problem.status != 409:
                raise
            return False
        return True

    async def note(self, context: ChatContext, kind: str, item_id: str, slate_id: str) -> None:
        """Note an event, where the chat belongs to a session."""
        if context.session_id is not None:
            event = Event(kind=Kind(kind), item_id=item_id, slate_id=slate_id)
            add = self.sessions.add
            await asyncio.to_thread(add, context.tenant, context.session_id, [event])


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    """Runs the chat graph; turns of one session follow each other, those of others run beside."""

    graph: ChatApp
    claims: Claims | None
    tracing: Tracing = field(default_factory=Tracing)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @classmethod
    async def open(
        cls,
        app: Re2LLM,
        recommender: Recommender,
        feedback: ChatFeedback,
        claims: Claims | None,
        root: Path,
        stack: AsyncExitStack,
    ) -> "Conversations":
        """Open the conversations of a workspace; the stack closes them.

        Args:
            app: the opened recommender.
            recommender: makes slates and notes them.
            feedback: takes what shoppers say of slates.
            claims: keep a session's turns in order where several replicas serve it.
            root: the workspace.
            stack: closes what is opened.
        """
        saver = await stack.enter_async_context(
            open_checkpoints(root / CHATS, url=app.parts.settings.database)
        )
        steps = await asyncio.to_thread(chat_steps, app.parts, recommender, feedback)
        graph = build_chat(steps).compile(checkpointer=saver, name="chat")
        return cls(graph=graph, claims=claims, tracing=app.tracing)

    async def turn(self, message: str, context: ChatContext) -> ChatOutput:
        """Answer a message."""
        async for told in self.stream(message, context):
            if not isinstance(told, Progress):
                return told
        raise RuntimeError("the chat graph ended without an answer")

    async def stream(
        self, message: str, context: ChatContext
    ) -> AsyncIterator[Progress | ChatOutput]:
        """Tell each step that is done, then the answer."""
        thread = f"{context.tenant}/{context.session_id}"
        lock = self._locks.setdefault(thread, asyncio.Lock())
        config: RunnableConfig = {"configurable": {"thread_id": thread}}
        output: ChatOutput = {}
        turn = self.tracing.trace("turn", uuid.uuid4().hex, {}, session=context.session_id)
        async with lock, self.claims.held(f"turn {thread}") if self.claims else nullcontext():
            with turn as trace:
                stream = self.graph.astream(
                    {"messages": [HumanMessage(message)]},
                    config,
                    context=context,
                    durability="exit",
                    stream_mode=["updates", "values"],
                )
                async for mode, told in trace.through(stream):
                    if mode == "updates" and isinstance(told, dict):
                        for step in told:
                            yield Progress(step=step)
                    elif isinstance(told, dict):
                        output = cast(ChatOutput, told)
                trace.tell({"slate_id": output.get("slate_id")}, {})
        yield output

    async def history(self, context: ChatContext) -> ChatOutput:
        """Return a conversation as it stands; empty where nothing was said."""
        thread = f"{context.tenant}/{context.session_id}"
        snapshot = await self.graph.aget_state({"configurable": {"thread_id": thread}})
        return cast(ChatOutput, snapshot.values)
