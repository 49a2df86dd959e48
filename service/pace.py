"""How many requests a key may send: a bucket that refills steadily, shared by all replicas."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Protocol

from re2llm.database import Database, DatabaseUnavailable

_MOST_BUCKETS = 10_000
_SHARE = 8
"""A replica draws this part of what may come at once, and asks again when it is used up."""


class Rate(Protocol):
    """Counts requests per key."""

    async def take(self, key: str) -> float:
        """Take one; returns 0, or the seconds after which the next would be allowed."""
        ...


class RateLimit:
    """Counts per key, in this process alone; use it from one event loop."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow so many requests a minute; a tenth of them, at least 10, may come at once."""
        self.rate = per_minute / 60
        self.burst = max(10.0, per_minute / 10)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    async def take(self, key: str) -> float:
        """Take one; see `Rate.take`."""
        return self.wait(key)

    def wait(self, key: str) -> float:
        """Take one; see `Rate.take`."""
        now = self._clock()
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.clear()
        level, at = self._buckets.get(key, (self.burst, now))
        level = min(self.burst, level + (now - at) * self.rate)
        if level < 1:
            self._buckets[key] = (level, now)
            return (1 - level) / self.rate
        self._buckets[key] = (level - 1, now)
        return 0.0


class SharedRateLimit:
    """Counts per key over all replicas, in the records; use it from one event loop.

    A replica draws a few requests at a time, so that most of them ask nobody. While the records are
    away it counts alone.
    """

    def __init__(self, database: Database, per_minute: int) -> None:
        """Allow so many requests a minute, and at once, as `RateLimit` does."""
        self._database = database
        self._alone = RateLimit(per_minute)
        self._drawn: dict[str, int] = {}
        self._until: dict[str, float] = {}

    async def take(self, key: str) -> float:
        """Take one; see `Rate.take`."""
        left = self._drawn.get(key, 0)
        if left > 0:
            self._drawn[key] = left - 1
            return 0.0
        wait = self._until.get(key, 0.0) - time.monotonic()
        if wait > 0:
            return wait
        try:
            drawn, wait = await asyncio.to_thread(self._draw, key)
        except DatabaseUnavailable:
            return self._alone.wait(key)
        if drawn:
            self._drawn[key] = self._drawn.get(key, 0) + drawn - 1
            return 0.0
        self._until[key] = time.monotonic() + wait
        return wait

    def _draw(self, key: str) -> tuple[int, float]:
        burst, rate, now = self._alone.burst, self._alone.rate, self._database.now
        with self._database.transaction(f"rate {key}"):
            rows = self._database.read(
                f"SELECT level, {now} - at FROM rates WHERE name = ?", (key,)
            )
            level, age = rows[0] if rows else (burst, 0.0)
            level = min(burst, level + max(age, 0.0) * rate)
            drawn = math.floor(min(level, max(1.0, burst / _SHARE)))
            self._database.write(
                f"INSERT INTO rates (name, level, at) VALUES (?, ?, {now}) ON CONFLICT (name)"
                " DO UPDATE SET level = excluded.level, at = excluded.at",
                (key, level - drawn),
            )
        return drawn, 0.0 if drawn else (1 - level) / rate
