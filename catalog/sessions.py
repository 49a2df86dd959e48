"""What a session is: one at a time for the steps, columnar for the retrievers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A shopper's items, oldest first, and, where it is known, what came next.

    `timestamp` is in seconds since 1970 and belongs to the end of the session.
    """

    session_id: str
    items: tuple[str, ...]
    target: str | None = None
    candidates: tuple[str, ...] | None = None
    timestamp: float | None = None


@dataclass(frozen=True, slots=True)
class SessionLog:
    """Many complete sessions (targets included) as arrays, ordered by time, oldest first.

    Session `s` holds the catalogue positions `items[offsets[s]:offsets[s + 1]]`.

    Attributes:
        items: (clicks,) int32 catalogue positions.
        offsets: (sessions + 1,) int64.
        timestamps: (sessions,) float64, seconds since 1970; without times in the data, 0, 1, 2, ...
    """

    items: NDArray[np.int32]
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.float64]

    def __len__(self) -> int:
        """Count the sessions."""
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        """Walk the sessions' items."""
        for start, end in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            yield self.items[start:end]

    @classmethod
    def from_sequences(
        cls, sessions: Iterable[Sequence[int]], timestamps: Sequence[float] | None = None
    ) -> "SessionLog":
        """Build a log out of sequences of catalogue positions, sorted by timestamp (stable)."""
        rows = [np.asarray(session, dtype=np.int32) for session in sessions]
        stamps = np.asarray(
            timestamps if timestamps is not None else range(len(rows)), dtype=np.float64
        )
        if len(stamps) != len(rows):
            raise ValueError(f"{len(rows)} sessions but {len(stamps)} timestamps")
        order = np.argsort(stamps, kind="stable")
        ordered = [rows[i] for i in order]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in ordered], out=offsets[1:])
        flat = np.concatenate(ordered) if ordered else np.zeros(0, dtype=np.int32)
        return cls(items=flat, offsets=offsets, timestamps=stamps[order])
