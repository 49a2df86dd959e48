"""Who gets in: the key, the rate, the size and the depth of a request, before any route sees it."""

import math
import re
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from re2llm.service.keys import METRICS, Authenticator, Caller
from re2llm.service.pace import Rate
from re2llm.service.problems import Problem, problem_response

OPEN = frozenset({"/", "/hints", "/healthz", "/readyz", "/openapi.json"})
"""Paths that need no key: they hold nothing of a tenant."""
_PAGES = "/pages/"
_METRICS = "/metrics"
_STAFF = re.compile(r"/v1/(hints|withdrawn|visits)(/.*)?")
_STAFF_TO_CHANGE = re.compile(r"/v1/items(/.*)?")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """ASGI middleware; leaves the caller in `scope["state"]["caller"]`."""

    app: ASGIApp
    authenticator: Authenticator
    rate: Rate
    body_limit: int
    depth_limit: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer with a problem."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            if not (scope["path"] in OPEN or scope["path"].startswith(_PAGES)):
                await self._let_in(scope)
            body = await self._body(scope, receive)
        except Problem as problem:
            response = problem_response(problem.status, problem.detail, problem.headers)
            await response(scope, receive, send)
            return
        await self.app(scope, _Replay(body, receive), send)

    async def _let_in(self, scope: Scope) -> None:
        caller = self.authenticator.find(_token(scope))
        if caller is None:
            raise Problem(
                401,
                "send a valid key as 'Authorization: Bearer KEY'",
                headers={"WWW-Authenticate": "Bearer"},
            )
        path, changing = scope["path"], scope["method"] not in _READING
        staff_only = _STAFF.fullmatch(path) or (changing and _STAFF_TO_CHANGE.fullmatch(path))
        if not caller.staff and staff_only:
            raise Problem(403, "this key may chat and recommend, but not look after the shop")
        about_all = scope["path"] == _METRICS
        if about_all and not caller.metrics:
            raise Problem(
                403, f"metrics are of all tenants; make a key for them: 'tenant:KEY:{METRICS}'"
            )
        if not (about_all or caller.served):
            raise Problem(403, "this key may read metrics, and nothing else")
        wait = await self.rate.take(caller.name)
        if wait > 0:
            seconds = math.ceil(wait)
            raise Problem(
                429,
                f"this key sends too many requests; try again in {seconds} s",
                headers={"Retry-After": str(seconds)},
            )
        scope.setdefault("state", {})["caller"] = caller

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.body_limit:
            raise self._too_large()
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.body_limit:
                raise self._too_large()
            more = message.get("more_body", False)
        body = b"".join(parts)
        if _depth(body, self.depth_limit) > self.depth_limit:
            raise Problem(422, f"the body nests deeper than {self.depth_limit} levels")
        return body

    def _too_large(self) -> Problem:
        return Problem(413, f"the body is larger than {self.body_limit} bytes")


class _Replay:
    """Gives the body once, then waits for what the client really does."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def caller_of(scope: Scope) -> Caller:
    """Return who sent a request that passed the gate."""
    caller = scope["state"]["caller"]
    if not isinstance(caller, Caller):
        raise TypeError("this route is open, so it has no caller")
    return caller


def _token(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else None
    return None


def _depth(body: bytes, limit: int) -> int:
    """Return how deep JSON nests, or any number up to `limit` where that is plain to see."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return 0
    deepest = depth = 0
    for byte in _STRING.sub(b"", body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
