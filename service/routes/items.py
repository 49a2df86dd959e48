"""Items: what is known of one, and which are out of sale."""

import asyncio

from fastapi import APIRouter

from re2llm.service.front import CallerDep, Front, FrontDep
from re2llm.service.problems import Problem
from re2llm.service.schemas import CardOut

router = APIRouter(prefix="/v1", tags=["items"])


@router.get("/items/{item_id:path}")
async def read(item_id: str, front: FrontDep, caller: CallerDep) -> CardOut:  # noqa: ARG001
    """Tell what the catalogue says of an item."""
    item = front.app.parts.catalog.get(item_id)
    if item is None:
        raise _unknown(item_id)
    return CardOut(item_id=item.item_id, title=item.title, attributes=dict(item.attributes))


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
    if item_id not in front.app.parts.catalog:
        raise _unknown(item_id)


def _unknown(item_id: str) -> Problem:
    return Problem(404, f"item {item_id!r} is not in the catalogue")
