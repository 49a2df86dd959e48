"""When the next request may go out: so many at once, so many requests and tokens a minute."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary


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
    async def turn(self, tokens: int) -> AsyncIterator[None]:
        """Wait for a place, and hold it."""
        wait = max(
            self._book("requests", 1, self.limits.requests_per_minute),
            self._book("tokens", tokens, self.limits.tokens_per_minute),
        )
        if wait > 0:
            await asyncio.sleep(wait)
        if self.limits.at_once is None:
            yield
            return
        slots = self._slots.setdefault(
            asyncio.get_running_loop(), asyncio.Semaphore(self.limits.at_once)
        )
        async with slots:
            yield

    def _book(self, name: str, amount: float, per_minute: float | None) -> float:
        """Take the next free time and return the seconds until then."""
        if per_minute is None:
            return 0.0
        now = time.monotonic()
        start = max(self._ready[name], now - self.BURST)
        self._ready[name] = start + 60 * amount / per_minute
        return max(start - now, 0.0)
