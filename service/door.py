"""The outermost layer: time limits, headers, one log line and one measurement per request."""

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from re2llm.langsmith_client import untraced
from re2llm.service.meters import Meters
from re2llm.service.problems import problem_response

_log = logging.getLogger("re2llm.service")
_LEFT = 2
"""So many time limits after it began, an answer that its client does not read is given up."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """ASGI middleware around everything else.

    Attributes:
        time_limit: seconds until an answer must have begun, and until a stream must have ended.
    """

    app: ASGIApp
    meters: Meters
    time_limit: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request in time, and note that it was."""
        with untraced():  # what is traced says so itself
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # the server leaves the body out
            scope = {**scope, "method": "GET"}
        request_id = uuid.uuid4().hex[:16]
        begun, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Streams end by themselves in time; what is left is a client that does not read.
                limit.reschedule(asyncio.get_running_loop().time() + _LEFT * self.time_limit)
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = request_id
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        scope.setdefault("state", {})["time_limit"] = self.time_limit
        self.meters.running.inc()
        limit = asyncio.timeout(self.time_limit)
        try:
            async with limit:
                await self.app(scope, receive, noted)
        except TimeoutError:
            if status:  # closes the connection
                return
            late = problem_response(504, f"no answer within {self.time_limit:g} s")
            limit = asyncio.timeout(None)
            async with limit:
                await late(scope, receive, noted)
        finally:
            self.meters.running.dec()
            self._note(scope, status, time.perf_counter() - begun, request_id)

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = scope.get("route")
        path = str(getattr(route, "path", "")) or "(none)"
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self.meters.seconds.labels(method, path, str(status)).observe(seconds)
        caller = scope.get("state", {}).get("caller")
        _log.info(
            "%s %s %d %.1f ms %s %s",
            method,
            path,
            status,
            1000 * seconds,
            request_id,
            caller.name if caller else "-",
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
