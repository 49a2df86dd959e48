"""When the next question may leave: a little after the one before, so that answers come apart."""

import asyncio
import time
from collections.abc import Callable

_FIRST = 0.001
_MOST = 0.002
_MEMORY = 64


class Departures:
    """Lets questions leave as far apart as each costs this process in all, 2 ms at the most.

    Questions that leave at once are answered at once, by servers that take the same time for each:
    then all answers wait to be read before any next question can leave, wave after wave. Apart by
    the processor time that goes by between two questions, reading and all, nothing waits.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.process_time,
    ) -> None:
        """Take the clocks: of the wall, and of this process's processor time; both in seconds."""
        self._now = now
        self._worked = worked
        self._apart = _FIRST
        self._before = worked()
        self._next = 0.0

    def wait(self) -> float:
        """Take the next free time to leave; return the seconds until then."""
        now, worked = self._now(), self._worked()
        self._apart += (min(worked - self._before, _MOST) - self._apart) / _MEMORY
        self._before = worked
        leave = max(self._next, now)
        self._next = leave + self._apart
        return leave - now

    async def turn(self) -> None:
        """Wait until it is time to leave."""
        wait = self.wait()
        if wait > 0:
            await asyncio.sleep(wait)
