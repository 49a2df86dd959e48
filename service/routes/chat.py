"""Chat turns."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from fastapi import APIRouter, Request, Response
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, Field

from re2llm.service.chat.memory import Memory
from re2llm.service.chat.say import limits_text
from re2llm.service.chat.state import ChatContext, ChatOutput
from re2llm.service.conversation import Progress
from re2llm.service.front import CallerDep, Front, FrontDep
from re2llm.service.keys import Caller
from re2llm.service.schemas import Body, CardOut
from re2llm.service.sse import Told, stream, wants_stream
from re2llm.service.whose import whose

router = APIRouter(prefix="/v1", tags=["chat"])


class ChatIn(Body):
    """What the shopper says."""

    message: str = Field(min_length=1, max_length=2000)


class ChatOut(BaseModel):
    """The answer; `text` is written from `cards`."""

    text: str
    cards: list[CardOut]
    fresh: bool
    """Whether this turn made the cards; else they are those of before."""
    slate_id: str | None
    act: str
    understood_by: str
    remembered: str
    """The wish and its limits as they stand, in words."""
    hint: str | None
    hint_id: str | None
    notices: list[str]


class MessageOut(BaseModel):
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str


class HistoryOut(BaseModel):
    """A conversation as it stands."""

    messages: list[MessageOut]
    cards: list[CardOut]
    slate_id: str | None
    remembered: str
    hint: str | None
    """The hint that the model was given for these cards."""


@router.post("/sessions/{session_id}/chat", response_model=ChatOut)
async def chat(
    session_id: str, body: ChatIn, request: Request, front: FrontDep, caller: CallerDep
) -> ChatOut | Response:
    """Say something; the conversation belongs to the session.

    With `Accept: text/event-stream`: `progress` events, then `cards`, then `text`, then `end`.
    """
    context = await _context(front, caller, session_id)
    key = request.headers.get("idempotency-key")
    if wants_stream(request):
        return stream(_told(front, context, body.message, key))
    return _out(front, await front.chats.turn(body.message, context, key=key))


@router.get("/sessions/{session_id}/chat")
async def history(session_id: str, front: FrontDep, caller: CallerDep) -> HistoryOut:
    """Read a conversation."""
    context = await _context(front, caller, session_id)
    state = await front.chats.history(context)
    return HistoryOut(
        messages=[
            MessageOut(
                role="user" if isinstance(message, HumanMessage) else "assistant",
                text=str(message.text),
            )
            for message in state.get("messages", [])
        ],
        cards=_cards(front, state),
        slate_id=state.get("slate_id"),
        remembered=limits_text(Memory.from_json(state.get("memory"))),
        hint=state.get("hint"),
    )


async def _context(front: Front, caller: Caller, session_id: str) -> ChatContext:
    record = await front.session(caller, session_id)
    gone = await asyncio.to_thread(front.withdrawn.of, caller.tenant)
    said = whose(caller, session_id)
    return ChatContext(
        tenant=caller.tenant,
        session_id=session_id,
        session=record.items,
        exclude=(*gone, *record.skipped),
        k=front.app.parts.settings.k if front.app.parts.settings.k <= 10 else 5,
        source=said.source,
        turn=said.session,
    )


async def _told(
    front: Front, context: ChatContext, message: str, key: str | None
) -> AsyncIterator[Told]:
    async for told in front.chats.stream(message, context, key=key):
        if isinstance(told, Progress):
            yield "progress", {"step": told.step}
            continue
        out = _out(front, told)
        yield "cards", out.model_copy(update={"text": ""})
        yield "text", {"text": out.text}


def _out(front: Front, state: ChatOutput) -> ChatOut:
    understood = state["understood"]
    front.meters.turns.labels(str(understood["act"])).inc()
    return ChatOut(
        text=str(state["messages"][-1].text),
        cards=_cards(front, state),
        fresh=state["fresh"],
        slate_id=state.get("slate_id"),
        act=str(understood["act"]),
        understood_by=str(understood["by"]),
        remembered=limits_text(Memory.from_json(state["memory"])),
        hint=state.get("hint"),
        hint_id=state.get("hint_id"),
        notices=state["notices"],
    )


def _cards(front: Front, state: ChatOutput) -> list[CardOut]:
    notes = state.get("notes", {})
    found = (front.app.parts.catalog.get(item_id) for item_id in state.get("cards", []))
    return [
        CardOut(
            item_id=item.item_id,
            title=item.title,
            attributes=dict(item.attributes),
            reasons=notes.get(item.item_id, []),
        )
        for item in found
        if item is not None
    ]
