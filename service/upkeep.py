"""What a replica does beside serving, again and again; an error ends one round, never all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something to be done again and again.

    Attributes:
        name: for the log.
        every: seconds between the end of a round and the next.
        work: does one round.
    """

    name: str
    every: float
    work: Callable[[], Awaitable[object]]

    async def keep_doing(self) -> None:
        """Do it until cancelled, whatever goes wrong in a round."""
        while True:
            await asyncio.sleep(self.every)
            done = asyncio.create_task(self._round())
            try:
                await asyncio.wait([done])
            except asyncio.CancelledError:
                done.cancel()
                await asyncio.wait([done])
                raise
            if not done.cancelled() and (error := done.exception()) is not None:
                _log.warning("%s: %s: %s", self.name, type(error).__name__, error)

    async def _round(self) -> None:
        await self.work()


def in_thread(work: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    """Do blocking work off the event loop."""
    return lambda: asyncio.to_thread(work)
