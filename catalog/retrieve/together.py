"""What is taken soon after what: co-occurrence within sessions, decaying with the distance."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    """

    offsets: NDArray[np.int64]
    partners: NDArray[np.int32]
    strength: NDArray[np.float32]

    @classmethod
    def build(cls, log: SessionLog, size: int) -> "TogetherIndex":
        """Count a log over a catalogue of `size` items."""
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
        clicks = np.maximum(np.bincount(log.items, minlength=size), 1)
        weight = found.data / np.sqrt(clicks[here] * clicks[there].astype(np.float64))
        order = np.lexsort((weight, here))
        order = order[last_of_each(here[order].astype(np.int64), PARTNERS)]
        order = order[weight[order] > 0]
        return cls(
            offsets=offsets_of(here[order].astype(np.int64), size),
            partners=there[order].astype(np.int32),
            strength=weight[order].astype(np.float32),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "TogetherIndex":
        """Take arrays as `arrays` gave them."""
        return cls(**{name: arrays[name] for name in cls.__slots__})  # type: ignore[arg-type]

    def partners_of(self, session: Ids) -> Sums:
        """Return the partners of the session's latest items (oldest first), added up."""
        query = latest_distinct(session, QUERY)
        if not len(query):
            return NOTHING
        places, owner = spread(self.offsets, query)
        fade = FADE ** np.arange(len(query))
        return sum_by_id(self.partners[places], self.strength[places] * fade[owner])
