"""How many requests a key may send: a bucket that refills steadily."""

import time
from collections.abc import Callable

_MOST_BUCKETS = 10_000


class RateLimit:
    """Counts per key, in this process alone; use it from one event loop."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow so many requests a minute; a tenth of them, at least 10, may come at once."""
        self._rate = per_minute / 60
        self._burst = max(10.0, per_minute / 10)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, key: str) -> float:
        """Take one; returns 0, or the seconds after which the next would be allowed."""
        now = self._clock()
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.clear()
        level, at = self._buckets.get(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        if level < 1:
            self._buckets[key] = (level, now)
            return (1 - level) / self._rate
        self._buckets[key] = (level - 1, now)
        return 0.0
