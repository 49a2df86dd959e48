"""Hints and their review; every change is in the audit log, under the key's name."""

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from re2llm.kb_store import by_hand
from re2llm.kb_store.entry import Entry
from re2llm.kb_store.errors import UnknownHint
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.history import rollback as roll
from re2llm.kb_store.lineage import ancestry
from re2llm.service.front import CallerDep, FrontDep
from re2llm.service.keys import Caller
from re2llm.service.problems import Problem
from re2llm.service.schemas import Body

router = APIRouter(prefix="/v1/hints", tags=["hints"])

_TEXT = Field(min_length=1, max_length=1000)
_WHY = Field(default="", max_length=500)


class HintOut(BaseModel):
    """A hint, as `re2llm.kb_store.hint.Hint` describes it."""

    hint_id: str
    text: str
    title: str
    when: str
    status: Status
    reason: str
    evidence: dict[str, float]
    provenance: dict[str, str | float]
    shown: int
    helped: int
    hurt: int


class EntryOut(BaseModel):
    """One line of the audit log; `at` is in seconds since 1970."""

    seq: int
    at: float
    by: str
    action: str
    hint_id: str
    status: str | None
    why: str


class HintStoryOut(BaseModel):
    """A hint, what it came out of, and how it came to be what it is."""

    hint: HintOut
    ancestry: list[HintOut]
    log: list[EntryOut]


class HintIn(Body):
    """A new hint, or new words for one."""

    text: str = _TEXT
    why: str = _WHY


class WhyIn(Body):
    """For the record."""

    why: str = _WHY


class RollbackIn(Body):
    """Back to how the hints stood at an entry of the log."""

    to: int = Field(ge=0, le=2**53)
    why: str = _WHY


@router.get("")
async def read_all(
    front: FrontDep,
    caller: CallerDep,
    status: Annotated[list[Status] | None, Query()] = None,
) -> list[HintOut]:
    """List hints, all or those of some statuses."""
    store = front.app.parts.store
    found = await asyncio.to_thread(store.hints, tenant=caller.tenant, status=status)
    return [_hint(hint) for hint in found]


@router.post("", status_code=201)
async def add(body: HintIn, front: FrontDep, caller: CallerDep) -> HintOut:
    """Add a hint of your own; it is active at once."""
    new = await asyncio.to_thread(
        by_hand.add,
        front.app.parts.store,
        body.text,
        leak=_leak(front),
        by=_by(caller),
        why=body.why or "added by a person",
        tenant=caller.tenant,
    )
    return _hint(new)


@router.get("/log")
async def log(
    front: FrontDep,
    caller: CallerDep,
    last: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> list[EntryOut]:
    """Tell who changed what, when and why, the latest entries last; `before` one pages back."""
    entries = front.app.parts.store.log.entries
    found = await asyncio.to_thread(entries, tenant=caller.tenant, before=before, limit=last)
    return [_entry(entry) for entry in found]


@router.post("/rollback")
async def rollback(body: RollbackIn, front: FrontDep, caller: CallerDep) -> list[HintOut]:
    """Put this tenant's hints back to how they stood at an entry; nothing is deleted."""
    store = front.app.parts.store
    last = await asyncio.to_thread(store.log.position)
    if body.to > last:
        raise Problem(422, f"the log has no entry {body.to}; the last one is {last}")
    moved = await asyncio.to_thread(
        roll, store, body.to, by=_by(caller), why=body.why, tenant=caller.tenant
    )
    return [_hint(hint) for hint in moved]


@router.get("/{hint_id}")
async def read(hint_id: str, front: FrontDep, caller: CallerDep) -> HintStoryOut:
    """Tell a hint's whole story."""
    store = front.app.parts.store
    hint = await asyncio.to_thread(store.get, hint_id, tenant=caller.tenant)
    if hint is None:
        raise UnknownHint(hint_id, caller.tenant)
    line = await asyncio.to_thread(ancestry, store, hint_id, tenant=caller.tenant)
    entries = await asyncio.to_thread(
        store.log.entries, tenant=caller.tenant, hint_id=hint_id, limit=100
    )
    return HintStoryOut(
        hint=_hint(hint),
        ancestry=[_hint(each) for each in line[1:]],
        log=[_entry(entry) for entry in entries],
    )


@router.put("/{hint_id}")
async def edit(hint_id: str, body: HintIn, front: FrontDep, caller: CallerDep) -> HintOut:
    """Give a hint new words: a new hint with the old one as parent, which is retired."""
    new = await asyncio.to_thread(
        by_hand.edit,
        front.app.parts.store,
        hint_id,
        body.text,
        leak=_leak(front),
        by=_by(caller),
        why=body.why or "reworded by a person",
        tenant=caller.tenant,
    )
    return _hint(new)


@router.post("/{hint_id}/approve")
async def approve(hint_id: str, body: WhyIn, front: FrontDep, caller: CallerDep) -> HintOut:
    """Make a hint active, whatever it was before, unless it was refused for what it says."""
    moved = await asyncio.to_thread(
        by_hand.enable,
        front.app.parts.store,
        hint_id,
        leak=_leak(front),
        by=_by(caller),
        why=body.why or "approved by a person",
        tenant=caller.tenant,
    )
    return _hint(moved)


@router.post("/{hint_id}/disable")
async def disable(hint_id: str, body: WhyIn, front: FrontDep, caller: CallerDep) -> HintOut:
    """Switch a hint off; it is never chosen until it is approved again."""
    moved = await asyncio.to_thread(
        front.app.parts.store.set_status,
        hint_id,
        Status.DISABLED,
        by=_by(caller),
        why=body.why or "switched off by a person",
        tenant=caller.tenant,
    )
    return _hint(moved)


def _leak(front: FrontDep) -> by_hand.Leak:
    def fault(text: str) -> str | None:
        return front.app.parts.leak.fault(text)  # made at the first use, off the event loop

    return fault


def _by(caller: Caller) -> str:
    return f"api {caller.name}"


def _hint(hint: Hint) -> HintOut:
    told = asdict(hint)
    del told["tenant"]
    return HintOut.model_validate(told)


def _entry(entry: Entry) -> EntryOut:
    return EntryOut(
        seq=entry.seq,
        at=entry.at,
        by=entry.by,
        action=str(entry.action),
        hint_id=entry.hint_id,
        status=str(entry.hint.status) if entry.hint else None,
        why=entry.why,
    )
