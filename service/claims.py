"""Work that several replicas could do at once is done by one of them, and never forgotten."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from re2llm.database import Database, DatabaseUnavailable

_PAUSE = 0.05
"""Seconds between two tries to take what another holds."""
ALIVE = "alive "
"""Begins the name that a replica holds as long as it lives."""


class ClaimLost(Exception):
    """Another may have taken over what this worker was doing, so it stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Names that one worker holds at a time, for so many seconds unless it says that it goes on.

    A worker that dies loses what it held when its time is over; time is the database's, so that
    clocks of several machines need not agree. A worker that cannot say in time that it goes on
    (since it was stopped, or the database away) is cancelled where it stands.

    Attributes:
        lease: seconds.
        owner: names this worker.
    """

    database: Database
    lease: float = 30.0
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)

    def take(self, name: str) -> bool:
        """Take a name, or keep it; false where another holds it. Blocking."""
        now = self.database.now
        taken = self.database.write(
            f"INSERT INTO claims (name, owner, until) VALUES (?, ?, {now} + ?)"
            " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until"
            f" WHERE claims.until < {now} OR claims.owner = excluded.owner",
            (name, self.owner, self.lease),
        )
        return taken > 0

    def leave(self, name: str) -> None:
        """Let go of a name. Blocking."""
        self.database.write("DELETE FROM claims WHERE name = ? AND owner = ?", (name, self.owner))

    def clear(self) -> None:
        """Forget all claims, where no other worker can be. Blocking."""
        self.database.write("DELETE FROM claims")

    def live(self) -> None:
        """Say that this replica lives, for one lease from now. Blocking."""
        self.take(f"{ALIVE}{self.owner}")

    def end(self) -> None:
        """Say that this replica is done, so that others need not wait for its lease. Blocking."""
        self.leave(f"{ALIVE}{self.owner}")

    def forget(self) -> None:
        """Remove what ended long ago. Blocking."""
        gone = f"DELETE FROM claims WHERE until < {self.database.now} - ?"
        self.database.write(gone, (10 * self.lease,))

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        """Wait for a name, and hold it until the end.

        Raises:
            ClaimLost: it was lost on the way; what was inside was cancelled.
        """
        # The holder may be another process: no event of this one tells that it let go.
        while not await asyncio.to_thread(self.take, name):  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE)
        async with self._kept(name):
            yield

    @asynccontextmanager
    async def tried(self, name: str) -> AsyncIterator[bool]:
        """Hold a name until the end, or yield false where another holds it.

        Raises:
            ClaimLost: it was lost on the way; what was inside was cancelled.
        """
        if not await asyncio.to_thread(self.take, name):
            yield False
            return
        async with self._kept(name):
            yield True

    @asynccontextmanager
    async def _kept(self, name: str) -> AsyncIterator[None]:
        worker = asyncio.current_task()
        if worker is None:
            raise RuntimeError("a claim is held by a task")
        renewing = asyncio.create_task(self._renew(name))
        renewing.add_done_callback(lambda done: None if done.cancelled() else worker.cancel())
        try:
            yield
        except asyncio.CancelledError:
            if renewing.done() and worker.uncancel() == 0:
                raise ClaimLost(f"{name!r} could not be held any longer") from None
            raise
        finally:
            renewing.cancel()
            with suppress(DatabaseUnavailable):  # the lease ends by itself
                await asyncio.to_thread(self.leave, name)

    async def _renew(self, name: str) -> None:
        """Return when the name is lost."""
        held = time.monotonic()
        while time.monotonic() - held < self.lease:
            await asyncio.sleep(self.lease / 3)
            begun = time.monotonic()
            try:
                if not await asyncio.to_thread(self.take, name):
                    return
            except DatabaseUnavailable:
                continue
            held = begun
