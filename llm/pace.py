"""When the next request may go out: so many at once, so many requests and tokens a minute."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from re2llm.llm.errors import NoTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceLimits:
    """Limits of one process; None means no limit."""

    at_once: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


class Pace:
    """Makes callers wait their turn; a burst of up to `BURST` seconds' worth goes at once."""

    BURST = 5.0

    def __init__(self, limits: PaceLimits | None = None) -> None:
        """Start with a full burst."""
        self.limits = limits or PaceLimits()
        self._ready = {"requests": 0.0, "tokens": 0.0}
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    @asynccontextmanager
    async def turn(self, tokens: int, *, within: float | None = None) -> AsyncIterator[None]:
        """Wait for a place, and hold it.

        Args:
            tokens: what the request is taken to use; `counted` mends it.
            within: seconds that a turn is worth waiting for.

        Raises:
            NoTurn: none comes in time. What would come too late is known at once, and takes
                nobody's turn.
        """
        limits = (
            ("requests", 1, self.limits.requests_per_minute),
            ("tokens", tokens, self.limits.tokens_per_minute),
        )
        wait = max(self._wait(name, limit) for name, _, limit in limits)
        if within is not None and wait > within:
            raise NoTurn(f"the next turn is {wait:.1f} s away, by the limits per minute")
        for name, amount, limit in limits:
            self._book(name, amount, limit)
        slots = self._semaphore()
        try:
            async with asyncio.timeout(within):
                if wait > 0:
                    await asyncio.sleep(wait)
                if slots is not None:
                    await slots.acquire()
        except TimeoutError:
            raise NoTurn("no turn in time") from None
        try:
            yield
        finally:
            if slots is not None:
                slots.release()

    def counted(self, taken: int, used: int) -> None:
        """Mend what a request was taken to use, now that it is counted; the next go sooner."""
        self._book("tokens", used - taken, self.limits.tokens_per_minute)

    def _semaphore(self) -> asyncio.Semaphore | None:
        if self.limits.at_once is None:
            return None
        loop = asyncio.get_running_loop()
        return self._slots.setdefault(loop, asyncio.Semaphore(self.limits.at_once))

    def _wait(self, name: str, per_minute: float | None) -> float:
        """Return the seconds until the next free time."""
        return 0.0 if per_minute is None else max(self._ready[name] - time.monotonic(), 0.0)

    def _book(self, name: str, amount: float, per_minute: float | None) -> None:
        """Take the next free time for so much."""
        if per_minute is not None:
            start = max(self._ready[name], time.monotonic() - self.BURST)
            self._ready[name] = start + 60 * amount / per_minute
