"""Conversations: one per session, each turn done whole and remembered before it is answered."""

import asyncio
import hashlib
import logging
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
from re2llm.database import DatabaseUnavailable
from re2llm.graph.app import Re2LLM
from re2llm.service.chat.assembly import chat_steps
from re2llm.service.chat.builder import ChatApp, build_chat
from re2llm.service.chat.state import ChatContext, ChatOutput
from re2llm.service.claims import Claims
from re2llm.service.feedback import FeedbackDesk
from re2llm.service.problems import Problem
from re2llm.service.recommend import Recommender
from re2llm.service.sessions import Event, Kind, Sessions
from re2llm.service.turns import Turn, Turns
from re2llm.service.whose import Whose
from re2llm.tracing import Tracing

_log = logging.getLogger(__name__)
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
    """Runs the chat graph; turns of one session follow each other, those of others run beside.

    A turn that was begun is done to its end, whether its client still listens or not, and once:
    what a replica that died had begun, another goes on with.
    """

    graph: ChatApp
    turns: Turns
    claims: Claims | None
    tracing: Tracing = field(default_factory=Tracing)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _unforgotten: set[str] = field(default_factory=set)

    @classmethod
    async def open(
        cls,
        app: Re2LLM,
        recommender: Recommender,
        feedback: ChatFeedback,
        turns: Turns,
        claims: Claims | None,
        root: Path,
        stack: AsyncExitStack,
    ) -> "Conversations":
        """Open the conversations of a workspace; the stack closes them.

        Args:
            app: the opened recommender.
            recommender: makes slates and notes them.
            feedback: takes what shoppers say of slates.
            turns: remembers what was begun.
            claims: keep a session's turns in order where several replicas serve it.
            root: the workspace.
            stack: closes what is opened.
        """
        saver = await stack.enter_async_context(
            open_checkpoints(root / CHATS, url=app.parts.settings.database)
        )
        steps = await asyncio.to_thread(chat_steps, app.parts, recommender, feedback)
        graph = build_chat(steps).compile(checkpointer=saver, name="chat")
        return cls(graph=graph, turns=turns, claims=claims, tracing=app.tracing)

    async def turn(
        self, message: str, context: ChatContext, *, key: str | None = None
    ) -> ChatOutput:
        """Answer a message; see `stream`."""
        async for told in self.stream(message, context, key=key):
            if not isinstance(told, Progress):
                return told
        raise RuntimeError("the chat graph ended without an answer")

    async def stream(
        self, message: str, context: ChatContext, *, key: str | None = None
    ) -> AsyncIterator[Progress | ChatOutput]:
        """Tell each step that is done, then the answer.

        Args:
            message: what the shopper says.
            context: whose turn it is.
            key: the request's idempotency key; a turn that was done under it is not done again.

        Raises:
            Problem: 409 where this turn was done, and others after it.
        """
        turn = Turn(turn_id=_turn_id(context, key), message=message, context=context)
        await asyncio.to_thread(self.turns.begin, turn)
        told: asyncio.Queue[Progress | ChatOutput | None] = asyncio.Queue()
        task = self._start(turn, told)
        while (step := await told.get()) is not None:
            yield step
        await task

    async def resume(self) -> int:
        """Begin to go on with turns that a replica that died had begun; returns how many."""
        for turn_id in list(self._unforgotten):
            await self._forget(turn_id)
        adopted = await asyncio.to_thread(self.turns.adopt)
        for turn in adopted:
            self._start(turn, asyncio.Queue())
        return len(adopted)

    async def drain(self, seconds: float) -> None:
        """Let turns in progress end; what does not is taken up at the next start."""
        if self._running:
            _, late = await asyncio.wait(list(self._running), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def history(self, context: ChatContext) -> ChatOutput:
        """Return a conversation as it stands; empty where nothing was said."""
        snapshot = await self.graph.aget_state(_thread(f"{context.tenant}/{context.session_id}"))
        return cast(ChatOutput, snapshot.values)

    def _start(
        self, turn: Turn, told: asyncio.Queue[Progress | ChatOutput | None]
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(self._work(turn, told))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a chat turn failed: %s", type(error).__name__)

    async def _work(self, turn: Turn, told: asyncio.Queue[Progress | ChatOutput | None]) -> None:
        lock = self._locks.setdefault(turn.thread, asyncio.Lock())
        held = self.claims.held(f"turn {turn.thread}") if self.claims else nullcontext()
        try:
            async with lock, held:
                output = await self._done_before(turn)
                if output is None:
                    output = await self._answer(turn, told)
            await self._forget(turn.turn_id)
            told.put_nowait(output)
        except asyncio.CancelledError:
            raise
        except BaseException:
            await self._forget(turn.turn_id)  # its shopper is told, and may say it again
            raise
        finally:
            told.put_nowait(None)

    async def _answer(
        self, turn: Turn, told: asyncio.Queue[Progress | ChatOutput | None]
    ) -> ChatOutput:
        output: ChatOutput = {}
        session = turn.context.session_id
        with self.tracing.trace("turn", uuid.uuid4().hex, {}, session=session) as trace:
            stream = self.graph.astream(
                {"messages": [HumanMessage(turn.message, id=turn.turn_id)]},
                _thread(turn.thread),
                context=turn.context,
                durability="exit",
                stream_mode=["updates", "values"],
            )
            async for mode, step in trace.through(stream):
                if mode == "updates" and isinstance(step, dict):
                    for name in step:
                        told.put_nowait(Progress(step=name))
                elif isinstance(step, dict):
                    output = cast(ChatOutput, step)
            trace.tell({"slate_id": output.get("slate_id")}, {})
        return output

    async def _done_before(self, turn: Turn) -> ChatOutput | None:
        """Return the answer where this very message has one, after a retry or a take-over."""
        snapshot = await self.graph.aget_state(_thread(turn.thread))
        said = [m.id for m in snapshot.values.get("messages", []) if isinstance(m, HumanMessage)]
        if turn.turn_id not in said:
            return None
        if said[-1] != turn.turn_id:
            raise Problem(409, "this was answered, and the conversation has gone on since")
        return cast(ChatOutput, snapshot.values)

    async def _forget(self, turn_id: str) -> None:
        try:
            await asyncio.to_thread(self.turns.end, turn_id)
        except DatabaseUnavailable:
            self._unforgotten.add(turn_id)
        else:
            self._unforgotten.discard(turn_id)


def _turn_id(context: ChatContext, key: str | None) -> str:
    if key is None:
        return uuid.uuid4().hex
    named = f"{context.tenant}\n{context.session_id}\n{key}"
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}}
