"""Whether it is worth asking a server that has failed many times in a row."""

import time
from collections.abc import Callable

from re2llm.llm.errors import ModelResting


class Breaker:
    """Opens after `limit` failures in a row; after `rest` seconds one request tries the server."""

    def __init__(
        self,
        limit: int = 10,
        rest: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start closed."""
        self._limit = limit
        self._rest = rest
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    def check(self) -> None:
        """Let a request through, or not.

        Raises:
            ModelResting: the server failed too often, and its rest is not over.
        """
        if self._failures < self._limit:
            return
        now = self._clock()
        if now < self._until:
            raise ModelResting(f"the model failed {self._failures} times in a row; it rests")
        self._until = now + self._rest

    def failed(self) -> None:
        """Note that the server did not answer."""
        self._failures += 1
        if self._failures >= self._limit:
            self._until = self._clock() + self._rest

    def answered(self) -> None:
        """Note that the server answered, be it with a refusal."""
        self._failures = 0
