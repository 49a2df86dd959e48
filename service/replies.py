"""Idempotency: the same key with the same request gets the same answer, and is done once."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from re2llm.database import Database, DatabaseUnavailable
from re2llm.service.claims import ALIVE, Claims
from re2llm.service.gate import caller_of
from re2llm.service.problems import Problem, problem_response, unreachable
from re2llm.service.sse import STREAM

_log = logging.getLogger(__name__)
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HEADER = b"idempotency-key"
_LONGEST = 200
_ERROR = b"\nevent: error\n"


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
        claims: say which replicas live: a request of one that died may be tried again.
        keep: seconds that an answer is kept.
        patience: seconds after which a request that never ended may be tried again.
    """

    database: Database
    claims: Claims
    keep: float = 86_400.0
    patience: float = 120.0

    def claim(self, tenant: str, key: str, digest: str) -> Reply | None:
        """Begin a request, or return the answer it got before.

        Raises:
            Problem: 409 while the first is in progress, 422 where the key meant something else.
        """
        now = self.database.now
        with self.database.transaction(f"{tenant} {key}"):
            rows = self.database.read(
                f"SELECT digest, status, kind, body, {now} - at, EXISTS (SELECT 1 FROM claims"
                f" WHERE claims.name = ? || answered.owner AND claims.until >= {now})"
                " FROM answered WHERE tenant = ? AND key = ?",
                (ALIVE, tenant, key),
            )
            for known, status, kind, body, age, alive in rows:
                if age > self.keep:
                    continue
                if known != digest:
                    raise Problem(422, "this Idempotency-Key was used for another request")
                if status is not None:
                    return Reply(status=int(status), kind=str(kind), body=bytes(body))
                if alive and age < self.patience:
                    raise Problem(
                        409,
                        "the request with this Idempotency-Key is in progress",
                        headers={"Retry-After": "1"},
                    )
            self.database.write(
                f"INSERT INTO answered (tenant, key, digest, owner, at) VALUES (?, ?, ?, ?, {now})"
                " ON CONFLICT (tenant, key) DO UPDATE SET digest = excluded.digest,"
                " owner = excluded.owner, at = excluded.at, status = NULL, kind = NULL,"
                " body = NULL",
                (tenant, key, digest, self.claims.owner),
            )
        return None

    def settle(self, tenant: str, key: str, reply: Reply | None) -> None:
        """Keep the answer, or forget the request where there is none worth keeping."""
        mine = "WHERE tenant = ? AND key = ? AND owner = ? AND status IS NULL"
        whose = (tenant, key, self.claims.owner)
        if reply is None:
            self.database.write(f"DELETE FROM answered {mine}", whose)
            return
        self.database.write(
            f"UPDATE answered SET status = ?, kind = ?, body = ? {mine}",
            (reply.status, reply.kind, reply.body, *whose),
        )

    def forget(self) -> None:
        """Remove answers that are too old to be asked for again."""
        self.database.write(
            f"DELETE FROM answered WHERE at < {self.database.now} - ?", (self.keep,)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotent:
    """ASGI middleware, inside the gate: honours `Idempotency-Key` on requests that change things.

    Answers of 500 and above are not kept, nor streams that tell of an error: the same key may try
    again.
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
        try:
            if len(key) > _LONGEST:
                raise Problem(422, f"an Idempotency-Key has at most {_LONGEST} characters")
            known = await asyncio.to_thread(self.replies.claim, tenant, key, _digest(scope, body))
        except Problem as problem:
            response = problem_response(problem.status, problem.detail, problem.headers)
            await response(scope, receive, send)
            return
        except DatabaseUnavailable as error:
            await unreachable(error)(scope, receive, send)
            return
        if known is not None:
            headers = {"Idempotency-Replayed": "true"}
            again = Response(known.body, known.status, headers, known.kind)
            await again(scope, receive, send)
            return

        async def keep(reply: Reply | None) -> None:
            await self._settle(tenant, key, reply)

        recorder = _Recorder(send, keep)
        try:
            await self.app(scope, _Again(message, receive), recorder)
        finally:
            if not recorder.kept:
                await keep(None)

    async def _settle(self, tenant: str, key: str, reply: Reply | None) -> None:
        try:
            await asyncio.to_thread(self.replies.settle, tenant, key, reply)
        except DatabaseUnavailable as error:  # the answer is out; the key is free again in time
            _log.warning("an answer could not be kept under its Idempotency-Key: %s", error)


class _Recorder:
    """Passes an answer on; it is kept before its end is sent, so that who has it can repeat it."""

    def __init__(self, send: Send, keep: Callable[[Reply | None], Awaitable[None]]) -> None:
        self._send = send
        self._keep = keep
        self.kept = False
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
            if self._whole and not self.kept:
                self.kept = True
                await self._keep(self.reply())
        await self._send(message)

    def reply(self) -> Reply | None:
        """Return the answer, or None where it is not whole or not final."""
        body = b"".join(self._parts)
        failed = self._kind.startswith(STREAM) and _ERROR in b"\n" + body
        if not self._whole or self._status >= 500 or failed:
            return None
        return Reply(status=self._status, kind=self._kind, body=body)


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


def _digest(scope: Scope, body: bytes) -> str:
    """Tell requests apart, and the streamed form of an answer from the whole one."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    streamed = "stream" if STREAM.encode() in accepted else "whole"
    query = scope.get("query_string", b"").decode("latin-1")
    asked = f"{scope['method']} {scope['path']}?{query} {streamed}\n"
    return hashlib.sha256(asked.encode() + body).hexdigest()


def _key(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] not in _CHANGING:
        return None
    if "caller" not in scope.get("state", {}):
        return None
    for name, value in scope["headers"]:
        if name == _HEADER:
            return str(value.decode("latin-1")).strip() or None
    return None
