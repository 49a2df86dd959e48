"""What many take, and take now."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.sessions import SessionLog

HALF_LIFE = 0.25
"""Share of the log's time after which a click counts half."""
ALWAYS = 0.5
"""What a click counts however old it is, beside a fresh one."""


@dataclass(frozen=True, slots=True)
class Popularity:
    """How popular each item is.

    Attributes:
        score: (items,) log of one plus the clicks, recent ones counting more.
        order: (items,) positions, most popular first.
    """

    score: NDArray[np.float32]
    order: NDArray[np.int32]

    @classmethod
    def build(cls, log: SessionLog, size: int) -> "Popularity":
        """Count a log over a catalogue of `size` items."""
        span = float(np.ptp(log.timestamps)) if len(log) else 0.0
        age = (log.timestamps[-1] - log.timestamps) / span if span > 0 else np.zeros(len(log))
        weight = ALWAYS + (1 - ALWAYS) * 0.5 ** (age / HALF_LIFE)
        clicks = np.bincount(
            log.items, np.repeat(weight, np.diff(log.offsets)), minlength=size
        ).astype(np.float64)
        score = np.log1p(clicks)
        order = np.argsort(-score, kind="stable")
        return cls(score=score.astype(np.float32), order=order.astype(np.int32))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "Popularity":
        """Take arrays as `arrays` gave them."""
        return cls(**{name: arrays[name] for name in cls.__slots__})  # type: ignore[arg-type]
