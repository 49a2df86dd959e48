"""What shoppers in similar sessions took: VMIS-kNN.

After Ludewig and Jannach, "Evaluation of session-based recommendation algorithms" (2018), and
Kersbergen, Sprangers and Schelter, "Serenade" (SIGMOD 2022): an index from item to its most recent
sessions, so that a query touches a bounded number of sessions whatever the log's size.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

RECENT = 500
"""Sessions per item that are kept: the latest."""
NEIGHBOURS = 200
"""Sessions that vote."""
QUERY = 20
"""Latest distinct items of the query that count."""
LONGEST = 50
"""Items of a neighbour that count: its latest."""


@dataclass(frozen=True, slots=True)
class NeighbourIndex:
    """The sessions of each item and the items of each session.

    Attributes:
        session_offsets: (items + 1,) where an item's sessions start in `sessions`.
        sessions: rows of the log, ascending, which is oldest first.
        item_offsets: (sessions + 1,) where a session's items start in `items`.
        items: distinct catalogue positions per session.
        rarity: (items,) log of the share of sessions without the item; how much a vote counts.
    """

    session_offsets: NDArray[np.int64]
    sessions: NDArray[np.int32]
    item_offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    rarity: NDArray[np.float32]

    @classmethod
    def build(cls, log: SessionLog, size: int) -> "NeighbourIndex":
        """Index a log over a catalogue of `size` items."""
        n = len(log)
        lengths = np.diff(log.offsets)
        rows = np.repeat(np.arange(n), lengths)
        late = log.offsets[1:][rows] - np.arange(len(rows)) <= LONGEST
        pairs = np.unique(log.items[late].astype(np.int64) * max(n, 1) + rows[late])
        items, sessions = pairs // max(n, 1), pairs % max(n, 1)
        counts = np.bincount(items, minlength=size)
        kept = last_of_each(items, RECENT)
        order = np.argsort(sessions, kind="stable")
        rarity = np.log1p(max(n, 1) / np.maximum(counts, 1)).astype(np.float32)
        return cls(
            session_offsets=offsets_of(items[kept], size),
            sessions=sessions[kept].astype(np.int32),
            item_offsets=offsets_of(sessions, n),
            items=items[order].astype(np.int32),
            rarity=rarity,
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "NeighbourIndex":
        """Take arrays as `arrays` gave them."""
        return cls(**{name: arrays[name] for name in cls.__slots__})  # type: ignore[arg-type]

    def votes(self, session: Ids) -> Sums:
        """Return what the sessions nearest to this one (oldest first) vote for.

        A neighbour is as near as the query's items that it shares are late; its vote shrinks with
        the age of the latest one shared; an item that is in every session wins little by it.
        """
        query = latest_distinct(session, QUERY)
        if not len(query):
            return NOTHING
        places, owner = spread(self.session_offsets, query)
        if not len(places):
            return NOTHING
        found, inverse = np.unique(self.sessions[places], return_inverse=True)
        weights = 1 - np.arange(len(query)) / (len(query) + 1)
        near = np.bincount(inverse, (weights * np.sqrt(self.rarity[query]))[owner])
        latest = np.full(len(found), len(query))
        np.minimum.at(latest, inverse, owner)
        if len(found) > NEIGHBOURS:
            # Of equally near ones the more recent: `found` ascends by time.
            tie = np.arange(len(found)) / len(found) * 1e-6
            top = np.argpartition(-(near + tie), NEIGHBOURS - 1)[:NEIGHBOURS]
            found, near, latest = found[top], near[top], latest[top]
        vote = near * weights[latest]
        places, owner = spread(self.item_offsets, found.astype(np.int64))
        sums = sum_by_id(self.items[places], vote[owner])
        return Sums(sums.ids, sums.values * np.sqrt(self.rarity[sums.ids]))


def latest_distinct(session: Ids, at_most: int) -> Ids:
    """Return the latest distinct items, latest first."""
    backwards = session[::-1]
    _, first = np.unique(backwards, return_index=True)
    return backwards[np.sort(first)][:at_most]
