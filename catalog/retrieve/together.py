"""What is taken soon after what: co-occurrence within sessions, decaying with the distance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from re2llm.catalog.retrieve.sparse import (
    Ids,
    Sums,
    last_of_each,
    spread,
    sum_by_id,
)
from re2llm.catalog.sessions import SessionLog

REACH = 5
"""Steps between two items of a session that still count as together."""
BACKWARDS = 0.6
"""What the item before counts beside the item after."""
PARTNERS = 100
"""Partners per item that are kept: the strongest."""
_LATER = ("more", "less")
_AT_ONCE = 500_000
"""Clicks whose pairs are counted at a time."""
FADE = 0.85
"""What each step back in the query counts beside the one after it."""


@dataclass(frozen=True, slots=True)
class TogetherIndex:
    """Each item's partners.

    Attributes:
        offsets: (items + 1,) where an item's partners start.
        partners: catalogue positions.
        strength: above 0, each pair's weight over the root of both items' clicks.
        clicks: (items,) clicks in the log.
        more: the same of the sessions that came later.
        less: the same of the sessions that were told again.
    """

    offsets: NDArray[np.int64]
    partners: NDArray[np.int32]
    strength: NDArray[np.float32]
    clicks: NDArray[np.int32]
    more: "TogetherIndex | None" = None
    less: "TogetherIndex | None" = None

    @classmethod
    def build(
        cls, log: SessionLog, size: int, earlier: NDArray[np.int32] | None = None
    ) -> "TogetherIndex":
        """Count a log over a catalogue of `size` items, of which some were clicked `earlier`."""
        clicked = np.bincount(log.items, minlength=size)
        counted = clicked.copy()
        if earlier is not None:
            counted[: len(earlier)] += earlier
        clicks = np.maximum(counted, 1)
        lengths = np.zeros(size, dtype=np.int64)
        kept: list[tuple[NDArray[np.int32], NDArray[np.float32]]] = []
        for first, last in _blocks(clicked):
            here, there, weight = _pairs(log, first, last, size)
            weight = weight / np.sqrt(clicks[here] * clicks[there].astype(np.float64))
            order = np.lexsort((weight, here))
            order = order[last_of_each(here[order], PARTNERS)]
            order = order[weight[order] > 0]
            lengths[first:last] = np.bincount(here[order] - first, minlength=last - first)
            kept.append((there[order].astype(np.int32), weight[order].astype(np.float32)))
        none = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))
        partners, strength = (np.concatenate(column) for column in zip(none, *kept, strict=True))
        return cls(
            offsets=np.concatenate([[0], lengths.cumsum()]).astype(np.int64),
            partners=partners,
            strength=strength,
            clicks=counted.astype(np.int32),
        )

    def adding(self, log: SessionLog, retold: SessionLog, size: int) -> "TogetherIndex":
        """Return the same with later sessions, over a catalogue of `size` items.

        Pairs known already keep their strength beside what the new ones add.

        Args:
            log: later sessions.
            retold: sessions that do not count any more.
            size: of the catalogue now.
        """
        more, less = TogetherIndex.build(log, size, self.clicks), None
        if len(retold):
            gone = np.bincount(retold.items, minlength=len(self.clicks)).astype(np.int32)
            less = TogetherIndex.build(retold, len(self.clicks), self.clicks - gone)
        return replace(self, more=more, less=less)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _LATER}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "TogetherIndex":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    def partners_of(self, query: Ids) -> Sums:
        """Return the partners of a session's distinct items (latest first), added up."""
        fade = np.power(FADE, np.arange(len(query), dtype=np.float64))
        ids, values = self.partners_near(query, fade)
        if self.more is not None:
            later, other = self.more.partners_near(query, fade)
            ids, values = np.concatenate([ids, later]), np.concatenate([values, other])
        if self.less is not None:
            gone, other = self.less.partners_near(query, fade)
            ids, values = np.concatenate([ids, gone]), np.concatenate([values, -other])
            found = sum_by_id(ids, values)
            return Sums(found.ids, np.maximum(found.values, 0))
        return sum_by_id(ids, values)

    def partners_near(
        self, query: Ids, fade: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the partners of these items and how strong they are, not added up."""
        inside = query < len(self.offsets) - 1
        places, owner = spread(self.offsets, query[inside])
        return self.partners.take(places), self.strength.take(places) * fade[inside].take(owner)


def _blocks(clicked: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Part the items so that those of a block have been clicked about `_AT_ONCE` times."""
    ends = clicked.cumsum()
    first = 0
    while first < len(clicked):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(ends.searchsorted(before + _AT_ONCE, "right")))
        yield first, last
        first = last


def _pairs(
    log: SessionLog, first: int, last: int, size: int
) -> tuple[Ids, Ids, NDArray[np.float64]]:
    """Return what follows, and precedes, these items within sessions, each pair once.

    Returns:
        The item, its partner, and the weights of all their meetings added up.
    """
    places = np.flatnonzero((log.items >= first) & (log.items < last))
    session = log.offsets.searchsorted(places, "right")
    starts, ends = log.offsets[session - 1], log.offsets[session]
    parts = []
    for step in range(1, REACH + 1):
        for inside, away, worth in (
            (places + step < ends, step, 1.0),
            (places - step >= starts, -step, BACKWARDS),
        ):
            here = log.items[places[inside]]
            there = log.items[places[inside] + away]
            other = here != there
            weight = np.full(int(other.sum()), worth / step)
            parts.append((here[other] - first, there[other], weight))
    here, there, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    found = coo_array((weight, (here, there)), shape=(last - first, size)).tocsr().tocoo()
    rows, columns = found.coords
    return rows.astype(np.int64) + first, columns.astype(np.int64), found.data
