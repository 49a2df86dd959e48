"""Server-sent events: how a stream of values is written, and when one is wanted."""

import json
from collections.abc import AsyncIterator

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from re2llm.errors import UserError
from re2llm.service.problems import Problem

Told = tuple[str, BaseModel | dict[str, object]]
"""An event's name and its data."""


def wants_stream(request: Request) -> bool:
    """Say whether the client asks for server-sent events."""
    return "text/event-stream" in request.headers.get("accept", "")


def stream(events: AsyncIterator[Told]) -> StreamingResponse:
    """Send events as they come, then `end`; what goes wrong on the way is an `error` event."""
    return StreamingResponse(
        _written(events),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _written(events: AsyncIterator[Told]) -> AsyncIterator[str]:
    try:
        async for name, data in events:
            yield _event(name, data)
    except Problem as problem:
        yield _event("error", {"status": problem.status, "detail": problem.detail})
    except UserError as error:
        yield _event("error", {"status": 422, "detail": str(error)})
    yield _event("end", {})


def _event(name: str, data: BaseModel | dict[str, object]) -> str:
    text = data.model_dump_json() if isinstance(data, BaseModel) else json.dumps(data)
    return f"event: {name}\ndata: {text}\n\n"
