"""What shoppers in similar sessions took: VMIS-kNN.

After Ludewig and Jannach, "Evaluation of session-based recommendation algorithms" (2018), and
Kersbergen, Sprangers and Schelter, "Serenade" (SIGMOD 2022): an index from item to its most recent
sessions, so that a query touches a bounded number of sessions whatever the log's size.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

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
        more: the same of the sessions that came later; its rarity is of all.
    """

    session_offsets: NDArray[np.int64]
    sessions: NDArray[np.int32]
    item_offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    rarity: NDArray[np.float32]
    more: "NeighbourIndex | None" = None

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
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "more"}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "NeighbourIndex":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    @property
    def count(self) -> int:
        """Return how many sessions the index holds, without later ones."""
        return len(self.item_offsets) - 1

    def adding(self, log: SessionLog, size: int) -> "NeighbourIndex":
        """Return the same with later sessions, over a catalogue of `size` items."""
        more = NeighbourIndex.build(log, size)
        clicked = np.bincount(more.items, minlength=size)
        rarity = np.log1p(max(self.count + len(log), 1) / np.maximum(clicked, 1))
        rarity[: len(self.rarity)] = self.rarity
        return replace(self, more=replace(more, rarity=rarity.astype(np.float32)))

    def votes(self, session: Ids) -> Sums:
        """Return what the sessions nearest to this one (oldest first) vote for.

        A neighbour is as near as the query's items that it shares are late; its vote shrinks with
        the age of the latest one shared; an item that is in every session wins little by it.
        """
        query = latest_distinct(session, QUERY)
        rarity = self.rarity if self.more is None else self.more.rarity
        query = query[query < len(rarity)]
        if not len(query):
            return NOTHING
        sessions, owner = self._sessions_of(query)
        if not len(sessions):
            return NOTHING
        found, inverse = np.unique(sessions, return_inverse=True)
        weights = 1 - np.arange(len(query)) / (len(query) + 1)
        near = np.bincount(inverse, (weights * np.sqrt(rarity[query]))[owner])
        latest = np.full(len(found), len(query))
        np.minimum.at(latest, inverse, owner)
        if len(found) > NEIGHBOURS:
            # Of equally near ones the more recent: `found` ascends by time.
            tie = np.arange(len(found)) / len(found) * 1e-6
            top = np.argpartition(-(near + tie), NEIGHBOURS - 1)[:NEIGHBOURS]
            found, near, latest = found[top], near[top], latest[top]
        vote = near * weights[latest]
        items, owner = self._items_of(found.astype(np.int64))
        sums = sum_by_id(items, vote[owner])
        return Sums(sums.ids, sums.values * np.sqrt(rarity[sums.ids]))

    def _sessions_of(self, query: Ids) -> tuple[Ids, Ids]:
        """Return the sessions that hold these items, later ones numbered on, and by which item."""
        inside = np.flatnonzero(query < len(self.session_offsets) - 1)
        places, owner = spread(self.session_offsets, query[inside])
        sessions, owner = self.sessions[places].astype(np.int64), inside[owner]
        if self.more is None:
            return sessions, owner
        later, other = self.more._sessions_of(query)
        return np.concatenate([sessions, later + self.count]), np.concatenate([owner, other])

    def _items_of(self, sessions: Ids) -> tuple[NDArray[np.int32], Ids]:
        """Return the items of these sessions, and of which each is."""
        if self.more is None:
            places, owner = spread(self.item_offsets, sessions)
            return self.items[places], owner
        old, late = np.flatnonzero(sessions < self.count), np.flatnonzero(sessions >= self.count)
        places, owner = spread(self.item_offsets, sessions[old])
        items, other = self.more._items_of(sessions[late] - self.count)
        return (
            np.concatenate([self.items[places], items]),
            np.concatenate([old[owner], late[other]]),
        )


def latest_distinct(session: Ids, at_most: int) -> Ids:
    """Return the latest distinct items, latest first."""
    backwards = session[::-1]
    _, first = np.unique(backwards, return_index=True)
    return backwards[np.sort(first)][:at_most]
