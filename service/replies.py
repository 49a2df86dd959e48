"""Idempotency: the same key with the same request gets the same answer, and is done once."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from re2llm.database import Database
from re2llm.service.gate import caller_of
from re2llm.service.problems import Problem, problem_response

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HEADER = b"idempotency-key"
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it was given."""

    status: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """Answers by tenant and key. Blocking.

    Attributes:
        keep: seconds that an answer is kept.
        patience: seconds after which a request that never ended may be tried again.
    """

    database: Database
    keep: float = 86_400.0
    patience: float = 120.0
    clock: Callable[[], float] = field(default=time.time)

    def claim(self, tenant: str, key: str, digest: str) -> Reply | None:
        """Begin a request, or return the answer it got before.

        Raises:
            Problem: 409 while the first is in progress, 422 where the key meant something else.
        """
        now = self.clock()
        with self.database.transaction():
            self.database.write("DELETE FROM replies WHERE at < ?", (now - self.keep,))
            rows = self.database.read(
                "SELECT digest, at, status, kind, body FROM replies WHERE tenant = ? AND key = ?",
                (tenant, key),
            )
            if rows and rows[0][0] != digest:
                raise Problem(422, "this Idempotency-Key was used for another request")
            _, at, status, kind, body = rows[0] if rows else (None,) * 5
            if isinstance(status, int):
                return Reply(
                    status=status, kind=str(kind), body=body if isinstance(body, bytes) else b""
                )
            if rows and now - float(at or 0) < self.patience:
                raise Problem(
                    409,
                    "the request with this Idempotency-Key is in progress",
                    headers={"Retry-After": "1"},
                )
            self.database.write(
                "INSERT INTO replies (tenant, key, digest, at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (tenant, key) DO UPDATE SET digest = excluded.digest,"
                " at = excluded.at, status = NULL, kind = NULL, body = NULL",
                (tenant, key, digest, now),
            )
        return None

    def settle(self, tenant: str, key: str, reply: Reply | None) -> None:
        """Keep the answer, or forget the request where there is none worth keeping."""
        if reply is None:
            self.database.write(
                "DELETE FROM replies WHERE tenant = ? AND key = ? AND status IS NULL",
                (tenant, key),
            )
            return
        self.database.write(
            "UPDATE replies SET status = ?, kind = ?, body = ? WHERE tenant = ? AND key = ?",
            (reply.status, reply.kind, reply.body, tenant, key),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotent:
    """ASGI middleware, inside the gate: honours `Idempotency-Key` on requests that change things.

    Answers of 500 and above are not kept: the same key may try again.
    """

    app: ASGIApp
    replies: Replies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it as before."""
        key = _key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        tenant = caller_of(scope).tenant
        message = await receive()
        body = message.get("body", b"")
        digest = hashlib.sha256(f"{scope['method']} {scope['path']}\n".encode() + body).hexdigest()
        try:
            if len(key) > _LONGEST:
                raise Problem(422, f"an Idempotency-Key has at most {_LONGEST} characters")
            known = await asyncio.to_thread(self.replies.claim, tenant, key, digest)
        except Problem as problem:
            response = problem_response(problem.status, problem.detail, problem.headers)
            await response(scope, receive, send)
            return
        if known is not None:
            headers = {"Idempotency-Replayed": "true"}
            again = Response(known.body, known.status, headers, known.kind)
            await again(scope, receive, send)
            return
        recorder = _Recorder(send)
        try:
            await self.app(scope, _Again(message, receive), recorder)
        finally:
            await asyncio.to_thread(self.replies.settle, tenant, key, recorder.reply())


class _Recorder:
    """Passes an answer on and remembers it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 500
        self._kind = ""
        self._parts: list[bytes] = []
        self._whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._kind = dict(message["headers"]).get(b"content-type", b"").decode("latin-1")
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        await self._send(message)

    def reply(self) -> Reply | None:
        """Return the answer, or None where it is not whole or not final."""
        if not self._whole or self._status >= 500:
            return None
        return Reply(status=self._status, kind=self._kind, body=b"".join(self._parts))


class _Again:
    """Gives a message that was taken already, then the rest."""

    def __init__(self, first: Message, receive: Receive) -> None:
        self._first: Message | None = first
        self._receive = receive

    async def __call__(self) -> Message:
        if self._first is None:
            return await self._receive()
        first, self._first = self._first, None
        return first


def _key(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] not in _CHANGING:
        return None
    if "caller" not in scope.get("state", {}):
        return None
    for name, value in scope["headers"]:
        if name == _HEADER:
            return str(value.decode("latin-1")).strip() or None
    return None
