"""Sessions and what happens in them."""

import asyncio

from fastapi import APIRouter

from re2llm.service.front import CallerDep, Front, FrontDep
from re2llm.service.problems import Problem
from re2llm.service.schemas import EventsIn, LearntOut, SessionOut, learnt_out, session_out
from re2llm.service.sessions import Event, SessionRecord

router = APIRouter(prefix="/v1", tags=["sessions"])


@router.post("/sessions", status_code=201)
async def start(front: FrontDep, caller: CallerDep) -> SessionOut:
    """Begin a session."""
    return _out(front, await asyncio.to_thread(front.sessions.start, caller.tenant))


@router.get("/sessions/{session_id}")
async def read(session_id: str, front: FrontDep, caller: CallerDep) -> SessionOut:
    """Tell what happened in a session."""
    return _out(front, await front.session(caller, session_id))


@router.post("/sessions/{session_id}/events", status_code=201)
async def add(session_id: str, body: EventsIn, front: FrontDep, caller: CallerDep) -> SessionOut:
    """Note what the shopper did: view, cart, purchase, like, skip, impression."""
    for event in body.events:
        if event.item_id not in front.app.parts.catalog:
            raise Problem(404, f"item {event.item_id!r} is not in the catalogue")
        if event.slate_id is not None:
            await asyncio.to_thread(front.slates.read, caller.tenant, event.slate_id)
    events = [
        Event(kind=event.kind, item_id=event.item_id, slate_id=event.slate_id)
        for event in body.events
    ]
    return _out(
        front, await asyncio.to_thread(front.sessions.add, caller.tenant, session_id, events)
    )


@router.get("/sessions/{session_id}/slates")
async def slates(session_id: str, front: FrontDep, caller: CallerDep) -> list[LearntOut]:
    """List the slates that a session was shown, oldest first."""
    await front.session(caller, session_id)
    found = await asyncio.to_thread(front.slates.of_session, caller.tenant, session_id)
    return [learnt_out(record) for record in found]


def _out(front: Front, record: SessionRecord) -> SessionOut:
    return session_out(
        record, {event.item_id: front.title(event.item_id) for event in record.events}
    )
