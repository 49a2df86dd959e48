"""A reward source that pays for what is not in the store, and keeps each value as it arrives."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from re2llm.policy.rewards import BASE, RewardStore, Scope
from re2llm.policy.training import Pair

Measure = Callable[[int, str | None], Awaitable[float | None]]
"""Measures a training session with a hint, or without; None where the model gave no answer."""


class PaidRewards:
    """Rewards out of measured values; a stop loses at most the calls that were under way.

    A session's value without a hint is measured once, a failed value is not kept, and a value that
    several pairs wait for is measured once.
    """

    def __init__(
        self, store: RewardStore, scope: Scope, session_keys: Sequence[str], measure: Measure
    ) -> None:
        """Serve the sessions of these keys.

        Args:
            store: what was paid for before, and will be kept.
            scope: of the values.
            session_keys: one per training session.
            measure: asks and judges; bounds its own concurrency.
        """
        self._store = store
        self._scope = scope
        self._keys = tuple(session_keys)
        self._measure = measure
        self._flying: dict[tuple[str, str], asyncio.Task[float | None]] = {}
        self._bought: dict[tuple[str, str], float] = {}
        self.paid = 0
        """Values measured by this object, failed ones and those without a hint included."""

    async def rewards(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return (pairs,) value with the hint minus without; NaN where one is missing.

        Raises:
            Exception: whatever `measure` raises; the other measurements are stopped, and what has
                arrived is kept.
        """
        wanted = dict.fromkeys(
            (session, hint)
            for session, hint_id in pairs
            if hint_id is not None
            for hint in (hint_id, BASE)
        )
        keys = {which: (self._keys[which[0]], which[1]) for which in wanted}
        known = await asyncio.to_thread(self._store.find, self._scope, keys.values())
        missing = [which for which, key in keys.items() if key not in known]
        waiting = [asyncio.create_task(self._value(*which)) for which in missing]
        try:
            bought = await asyncio.gather(*waiting)
        except BaseException:
            under_way = [*self._flying.values(), *waiting]
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            raise
        found = {which: known.get(key) for which, key in keys.items()}
        found.update(zip(missing, bought, strict=True))
        return np.array([self._difference(found, pair) for pair in pairs], dtype=np.float64)

    async def bases(self, sessions: Sequence[int]) -> None:
        """Measure these sessions without a hint."""
        wanted = [(self._keys[session], BASE) for session in sessions]
        known = await asyncio.to_thread(self._store.find, self._scope, wanted)
        missing = [one for one, key in zip(sessions, wanted, strict=True) if key not in known]
        await asyncio.gather(*(self._value(session, BASE) for session in missing))

    def _difference(self, found: dict[tuple[int, str], float | None], pair: Pair) -> float:
        session, hint = pair
        if hint is None:
            return 0.0
        steered, base = found[session, hint], found[session, BASE]
        return float("nan") if steered is None or base is None else steered - base

    async def _value(self, session: int, hint: str) -> float | None:
        key = (self._keys[session], hint)
        if key in self._bought:
            return self._bought[key]
        if key not in self._flying:
            task = asyncio.create_task(self._buy(session, hint))
            self._flying[key] = task
            task.add_done_callback(lambda _: self._flying.pop(key, None))
        return await asyncio.shield(self._flying[key])

    async def _buy(self, session: int, hint: str) -> float | None:
        self.paid += 1
        value = await self._measure(session, None if hint == BASE else hint)
        if value is not None:
            key = self._keys[session]
            await asyncio.to_thread(self._store.put, self._scope, key, hint, value)
            self._bought[key, hint] = value
        return value
