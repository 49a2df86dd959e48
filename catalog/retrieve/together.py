"""What is taken soon after what: co-occurrence within sessions, decaying with the distance."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from re2llm.catalog.retrieve.neighbours import latest_distinct
from re2llm.catalog.retrieve.sparse import (
    NOTHING,
    Ids,
    Sums,
    last_of_each,
    offsets_of,
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
QUERY = 20
"""Latest distinct items of the query that count."""
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
    """

    offsets: NDArray[np.int64]
    partners: NDArray[np.int32]
    strength: NDArray[np.float32]
    clicks: NDArray[np.int32]
    more: "TogetherIndex | None" = None

    @classmethod
    def build(
        cls, log: SessionLog, size: int, earlier: NDArray[np.int32] | None = None
    ) -> "TogetherIndex":
        """Count a log over a catalogue of `size` items, of which some were clicked `earlier`."""
        ends = np.repeat(log.offsets[1:], np.diff(log.offsets))
        place = np.arange(len(log.items))
        parts = [(log.items[:0], log.items[:0], np.zeros(0))]
        for step in range(1, REACH + 1):
            first = place[place + step < ends]
            here, there = log.items[first], log.items[first + step]
            other = here != there
            here, there = here[other], there[other]
            weight = np.full(len(here), 1 / step)
            parts += [(here, there, weight), (there, here, BACKWARDS * weight)]
        here, there, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        found = coo_array((weight, (here, there)), shape=(size, size)).tocsr().tocoo()
        here, there = found.coords
        clicked = np.bincount(log.items, minlength=size)
        if earlier is not None:
            clicked[: len(earlier)] += earlier
        clicks = np.maximum(clicked, 1)
        weight = found.data / np.sqrt(clicks[here] * clicks[there].astype(np.float64))
        order = np.lexsort((weight, here))
        order = order[last_of_each(here[order].astype(np.int64), PARTNERS)]
        order = order[weight[order] > 0]
        return cls(
            offsets=offsets_of(here[order].astype(np.int64), size),
            partners=there[order].astype(np.int32),
            strength=weight[order].astype(np.float32),
            clicks=clicked.astype(np.int32),
        )

    def adding(self, log: SessionLog, size: int) -> "TogetherIndex":
        """Return the same with later sessions, over a catalogue of `size` items.

        Pairs known already keep their strength beside what the new ones add.
        """
        return replace(self, more=TogetherIndex.build(log, size, self.clicks))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "more"}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "TogetherIndex":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    def partners_of(self, session: Ids) -> Sums:
        """Return the partners of the session's latest items (oldest first), added up."""
        query = latest_distinct(session, QUERY)
        if not len(query):
            return NOTHING
        fade = np.power(FADE, np.arange(len(query), dtype=np.float64))
        found = [part.partners_near(query, fade) for part in (self, self.more) if part is not None]
        ids, values = (np.concatenate(column) for column in zip(*found, strict=True))
        return sum_by_id(ids, values)

    def partners_near(
        self, query: Ids, fade: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the partners of these items and how strong they are, not added up."""
        inside = query < len(self.offsets) - 1
        places, owner = spread(self.offsets, query[inside])
        return self.partners[places], self.strength[places] * fade[inside][owner]
