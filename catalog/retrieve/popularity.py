"""What many take, and take now."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.retrieve.additions import Retold
from re2llm.catalog.retrieve.sparse import Ids, Sums, sum_by_id
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
        ascending: (items,) the scores in the order of size.
        more: clicks that came after these were counted, by position.
    """

    score: NDArray[np.float32]
    order: NDArray[np.int32]
    ascending: NDArray[np.float32]
    more: Sums | None = None

    @classmethod
    def build(cls, log: SessionLog, size: int) -> "Popularity":
        """Count a log over a catalogue of `size` items."""
        weight = click_weights(log)
        clicks = np.bincount(
            log.items, np.repeat(weight, np.diff(log.offsets)), minlength=size
        ).astype(np.float64)
        score = np.log1p(clicks)
        order = np.argsort(-score, kind="stable")
        kept = score.astype(np.float32)
        return cls(score=kept, order=order.astype(np.int32), ascending=kept[order[::-1]])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "more"}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "Popularity":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    def adding(self, log: SessionLog, retold: Retold) -> "Popularity":
        """Return the same with the clicks of later sessions, and without those told again."""
        gone = np.repeat(-retold.worth, np.diff(retold.log.offsets))
        items = np.concatenate([log.items, retold.log.items])
        return replace(self, more=sum_by_id(items, np.concatenate([np.ones(len(log.items)), gone])))

    def of_items(self, items: Ids) -> NDArray[np.float64]:
        """Return how popular these items are."""
        if not len(self.score):
            found = np.zeros(len(items))
        else:
            found = self.score.take(items, mode="clip").astype(np.float64)
            found[items >= len(self.score)] = 0
        if self.more is not None:
            found = np.log1p(np.maximum(np.expm1(found) + self.more.at(items), 0))
        return found

    def beyond(self, scores: NDArray[np.float64], shares: Sequence[float]) -> NDArray[np.int64]:
        """Say how many of these shares of the catalogue, ascending, are less popular than each.

        Args:
            scores: how popular some items are, as `of_items` returns it.
            shares: of all items.
        """
        found = np.zeros(len(scores), dtype=np.int64)
        if len(self.ascending):
            for share in shares:
                least = self.ascending[math.ceil(share * len(self.ascending)) - 1]
                found += scores.astype(np.float32) > least
        return found

    def walk(self, step: int, size: int) -> Iterator[Ids]:
        """Walk a catalogue of `size` items, most popular first, in ever longer steps.

        Items with later clicks come first, items that came later last; some come twice.
        """
        if self.more is not None:
            yield self.more.ids
        start = 0
        while start < len(self.order):
            yield self.order[start : start + step].astype(np.int64)
            start, step = start + step, 4 * step
        if size > len(self.order):
            yield np.arange(len(self.order), size)


def click_weights(log: SessionLog) -> NDArray[np.float64]:
    """Return (sessions,) what a click of each session counts, by its age."""
    span = float(np.ptp(log.timestamps)) if len(log) else 0.0
    if span <= 0:
        return np.ones(len(log))
    age = (log.timestamps[-1] - log.timestamps) / span
    weights: NDArray[np.float64] = ALWAYS + (1 - ALWAYS) * 0.5 ** (age / HALF_LIFE)
    return weights
