"""Work that several replicas could do at once is done by one of them, and never forgotten."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from re2llm.database import Database, DatabaseUnavailable

_PAUSE = 0.05
"""Seconds between two tries to take what another holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Names that one worker holds at a time, for so many seconds unless it says that it goes on.

    A worker that dies loses what it held when its time is over.

    Attributes:
        lease: seconds.
        owner: names this worker.
    """

    database: Database
    lease: float = 30.0
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    clock: Callable[[], float] = field(default=time.time)

    def take(self, name: str) -> bool:
        """Take a name, or keep it; false where another holds it. Blocking."""
        now = self.clock()
        taken = self.database.write(
            "INSERT INTO claims (name, owner, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET owner = excluded.owner, until = excluded.until"
            " WHERE claims.until < ? OR claims.owner = excluded.owner",
            (name, self.owner, now + self.lease, now),
        )
        return taken > 0

    def leave(self, name: str) -> None:
        """Let go of a name. Blocking."""
        self.database.write("DELETE FROM claims WHERE name = ? AND owner = ?", (name, self.owner))

    def clear(self) -> None:
        """Forget all claims, where no other worker can be. Blocking."""
        self.database.write("DELETE FROM claims")

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        """Wait for a name, and hold it until the end."""
        # The holder may be another process: no event of this one tells that it let go.
        while not await asyncio.to_thread(self.take, name):  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE)
        async with self._kept(name):
            yield

    @asynccontextmanager
    async def tried(self, name: str) -> AsyncIterator[bool]:
        """Hold a name until the end, or yield false where another holds it."""
        if not await asyncio.to_thread(self.take, name):
            yield False
            return
        async with self._kept(name):
            yield True

    @asynccontextmanager
    async def _kept(self, name: str) -> AsyncIterator[None]:
        renewing = asyncio.create_task(self._renew(name))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(DatabaseUnavailable):  # the lease ends by itself
                await asyncio.to_thread(self.leave, name)

    async def _renew(self, name: str) -> None:
        while True:
            await asyncio.sleep(self.lease / 3)
            with suppress(DatabaseUnavailable):
                await asyncio.to_thread(self.take, name)
