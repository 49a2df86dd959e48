"""Server-sent events: how a stream of values is written, and when one is wanted."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from re2llm.errors import UserError
from re2llm.service.problems import Problem, told_unreachable, unreachable_errors

STREAM = "text/event-stream"
Told = tuple[str, BaseModel | dict[str, object]]
"""An event's name and its data."""


def wants_stream(request: Request) -> bool:
    """Say whether the client asks for server-sent events."""
    return STREAM in request.headers.get("accept", "")


def stream(events: AsyncIterator[Told]) -> StreamingResponse:
    """Send events as they come, then `end`; what goes wrong on the way is an `error` event."""
    return _EventStream(events)


class _EventStream(StreamingResponse):
    """Ends in time, as the request's scope says it."""

    def __init__(self, events: AsyncIterator[Told]) -> None:
        self._events = events
        self._seconds: float | None = None
        super().__init__(
            self._written(),
            media_type=STREAM,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; `time_limit` in the scope's state is in seconds."""
        self._seconds = scope.get("state", {}).get("time_limit")
        await super().__call__(scope, receive, send)

    async def _written(self) -> AsyncIterator[str]:
        ends = None
        if self._seconds is not None:
            ends = asyncio.get_running_loop().time() + self._seconds
        try:
            while True:
                async with asyncio.timeout_at(ends):
                    name, data = await anext(self._events)
                yield _event(name, data)
        except StopAsyncIteration:
            pass
        except TimeoutError:
            yield _error(504, f"no end within {self._seconds:g} s")
        except Problem as problem:
            yield _error(problem.status, problem.detail)
        except UserError as error:
            yield _error(422, str(error))
        except unreachable_errors() as error:
            yield _error(503, told_unreachable(error))
        yield _event("end", {})


def _error(status: int, detail: str) -> str:
    return _event("error", {"status": status, "detail": detail})


def _event(name: str, data: BaseModel | dict[str, object]) -> str:
    text = data.model_dump_json() if isinstance(data, BaseModel) else json.dumps(data)
    return f"event: {name}\ndata: {text}\n\n"
