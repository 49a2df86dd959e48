"""Items: what is known of one, what the shop sells from now on, and what is out of sale.

Items and finished sessions belong to the workspace, so all its tenants see what changes; what is
withdrawn belongs to a tenant. A change that is answered is on disk, and served.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field

from re2llm.catalog.items import Item
from re2llm.service.front import CallerDep, Front, FrontDep
from re2llm.service.problems import Problem
from re2llm.service.schemas import Body, CardOut, ItemId, sane

router = APIRouter(prefix="/v1", tags=["items"])

Attributes = Annotated[dict[str, object], AfterValidator(sane)]
"""Texts, numbers and lists of texts by name; cleaned as by an ingest."""


class ItemIn(Body):
    """An item as it is from now on; what is not said here it has no longer."""

    title: str = Field(min_length=1, max_length=2000)
    attributes: Attributes = Field(default_factory=dict, max_length=100)


class NamedItemIn(ItemIn):
    """The same with its id."""

    item_id: ItemId


class ItemsIn(Body):
    """Many items, put in all or none."""

    items: list[NamedItemIn] = Field(min_length=1, max_length=1000)


class ItemsOut(BaseModel):
    """Which items were put in."""

    item_ids: list[str]


class VisitIn(Body):
    """A finished session: all that was taken, oldest first."""

    items: list[ItemId] = Field(min_length=1, max_length=1000)
    session_id: str | None = Field(default=None, min_length=1, max_length=512)
    timestamp: float | None = Field(default=None, ge=0, lt=1e11)


class VisitsIn(Body):
    """Many finished sessions; one whose `session_id` was told before counts as told last."""

    sessions: list[VisitIn] = Field(min_length=1, max_length=1000)


class VisitsOut(BaseModel):
    """How many sessions were kept."""

    added: int


@router.get("/items/{item_id:path}")
async def read(item_id: str, front: FrontDep, caller: CallerDep) -> CardOut:  # noqa: ARG001
    """Tell what the catalogue says of an item."""
    _known(front, item_id)
    return _card(front.app.parts.catalog[item_id])


@router.put("/items/{item_id:path}")
async def put(item_id: str, body: ItemIn, front: FrontDep, caller: CallerDep) -> CardOut:  # noqa: ARG001
    """Put an item in, a new one or another state of it; it can be recommended at once."""
    await front.app.upsert_items([_raw(item_id, body)])
    return _card(front.app.parts.catalog[item_id.strip()])


@router.post("/items")
async def put_many(body: ItemsIn, front: FrontDep, caller: CallerDep) -> ItemsOut:  # noqa: ARG001
    """Put many items in, all or none."""
    raw = [_raw(one.item_id, one) for one in body.items]
    return ItemsOut(item_ids=await front.app.upsert_items(raw))


@router.delete("/items/{item_id:path}", status_code=204)
async def remove(item_id: str, front: FrontDep, caller: CallerDep) -> None:  # noqa: ARG001
    """Take an item out of sale for good; sessions still know it, and nobody is shown it."""
    if not await front.app.remove_items([item_id]):
        raise _unknown(item_id)


@router.post("/visits")
async def add_visits(body: VisitsIn, front: FrontDep, caller: CallerDep) -> VisitsOut:  # noqa: ARG001
    """Learn from finished sessions: what is taken together, next, and by many."""
    told = [one.model_dump(exclude_none=True) for one in body.sessions]
    return VisitsOut(added=await front.app.add_sessions(told))


@router.get("/withdrawn")
async def withdrawn(front: FrontDep, caller: CallerDep) -> list[str]:
    """List the items that are out of sale."""
    return await asyncio.to_thread(front.withdrawn.of, caller.tenant)


@router.put("/withdrawn/{item_id:path}")
async def withdraw(item_id: str, front: FrontDep, caller: CallerDep) -> list[str]:
    """Take an item out of sale: from now on it is never recommended."""
    _known(front, item_id)
    await asyncio.to_thread(front.withdrawn.add, caller.tenant, item_id)
    return await withdrawn(front, caller)


@router.delete("/withdrawn/{item_id:path}")
async def put_back(item_id: str, front: FrontDep, caller: CallerDep) -> list[str]:
    """Put an item back on sale."""
    if not await asyncio.to_thread(front.withdrawn.remove, caller.tenant, item_id):
        raise Problem(404, f"item {item_id!r} is not withdrawn")
    return await withdrawn(front, caller)


def _known(front: Front, item_id: str) -> None:
    if not front.app.parts.stock.sells(item_id):
        raise _unknown(item_id)


def _raw(item_id: str, body: ItemIn) -> dict[str, object]:
    return {**body.attributes, "item_id": item_id, "title": body.title}


def _card(item: Item) -> CardOut:
    return CardOut(item_id=item.item_id, title=item.title, attributes=dict(item.attributes))


def _unknown(item_id: str) -> Problem:
    return Problem(404, f"item {item_id!r} is not in the catalogue")
