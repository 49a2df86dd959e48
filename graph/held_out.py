"""What the hints found so far are worth on sessions that none of them was found or tried on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.measure import Measure

_NEIGHBOURS = 12


class HeldOut:
    """Measures each new hint once on every held-out session, and values all of them together.

    The best hint of each session in hindsight would flatter: the more hints, the more luck. So a
    session is given the hint that did best on the sessions most like it, itself left out, and none
    where none did any good: what a policy could do, measured where it did not look.
    """

    def __init__(self, cases: Sequence[Case], measure: Measure) -> None:
        """Use these sessions."""
        self._cases = list(cases)
        self._measure = measure
        self._gains: list[NDArray[np.float64]] = []
        self._near = _nearest(self._cases)

    async def add(self, text: str) -> float:
        """Measure a hint, and return what all of them are worth now: a mean gain per session."""
        gains = await self._measure.each_gain(self._cases, text)
        self._gains.append(np.array([0.0 if one is None else one for one in gains]))
        return self.value()

    def value(self) -> float:
        """Return the mean gain per held-out session; 0 without hints or sessions."""
        return float(self.each().mean()) if self._cases else 0.0

    def each(self) -> NDArray[np.float64]:
        """Return (sessions,) what each session gains by the hint that it is given."""
        if not self._gains or not self._cases:
            return np.zeros(len(self._cases))
        table = np.stack(self._gains)
        expected = table[:, self._near].mean(axis=2)
        best = expected.argmax(axis=0)
        rows = np.arange(len(self._cases))
        return np.where(expected[best, rows] > 0, table[best, rows], 0.0)

    def table(self) -> NDArray[np.float64]:
        """Return (sessions, hints) gains, in the order in which the hints were added."""
        return np.stack(self._gains, axis=1) if self._gains else np.zeros((len(self._cases), 0))

    def alone(self) -> list[tuple[int, float]]:
        """Return of each hint how many sessions get it if there is no other, and its gain on them.

        A session gets it where it did good on the sessions most like it, itself left out.
        """
        found: list[tuple[int, float]] = []
        for gains in self._gains:
            given = gains[self._near].mean(axis=1) > 0
            found.append((int(given.sum()), float(gains[given].mean()) if given.any() else 0.0))
        return found


def _nearest(cases: Sequence[Case]) -> NDArray[np.int64]:
    """Return (cases, neighbours): of each case the ones most like it, itself left out."""
    if not cases:
        return np.zeros((0, 0), dtype=np.int64)
    features = np.stack([case.features for case in cases]).astype(np.float64)
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)
    far = np.square(scaled[:, None, :] - scaled[None, :, :]).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    return np.argsort(far, axis=1, kind="stable")[:, : min(_NEIGHBOURS, max(len(cases) - 1, 1))]


def flat(values: Sequence[float], last: int, least: float) -> bool:
    """Say whether the last so many values bettered those before by less than `least`."""
    if last <= 0 or len(values) <= last:
        return False
    return max(values[-last:]) < max(values[:-last]) + least
