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
    distinct,
    grouped,
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
_LATER = ("more", "retold")
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
        retold: sessions that do not count, since they were told again.
    """

    session_offsets: NDArray[np.int64]
    sessions: NDArray[np.int32]
    item_offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    rarity: NDArray[np.float32]
    more: "NeighbourIndex | None" = None
    retold: Ids | None = None

    @classmethod
    def build(cls, log: SessionLog, size: int) -> "NeighbourIndex":
        """Index a log over a catalogue of `size` items."""
        n = len(log)
        lengths = np.diff(log.offsets)
        rows = np.repeat(np.arange(n), lengths)
        late = log.offsets[1:][rows] - np.arange(len(rows)) <= LONGEST
        pairs = distinct(log.items[late].astype(np.int64) * max(n, 1) + rows[late])
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
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _LATER}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "NeighbourIndex":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    @property
    def count(self) -> int:
        """Return how many sessions the index holds, without later ones."""
        return len(self.item_offsets) - 1

    def adding(self, log: SessionLog, retold: Ids, size: int) -> "NeighbourIndex":
        """Return the same with later sessions, over a catalogue of `size` items.

        Args:
            log: later sessions.
            retold: rows of sessions that do not count any more.
            size: of the catalogue now.
        """
        more = NeighbourIndex.build(log, size)
        clicked = np.bincount(more.items, minlength=size)
        rarity = np.log1p(max(self.count + len(log), 1) / np.maximum(clicked, 1))
        rarity[: len(self.rarity)] = self.rarity
        more = replace(more, rarity=rarity.astype(np.float32))
        return replace(self, more=more, retold=retold if len(retold) else None)

    def votes(self, query: Ids) -> Sums:
        """Return what the sessions nearest to one vote for.

        A neighbour is as near as the query's items that it shares are late; its vote shrinks with
        the age of the latest one shared; an item that is in every session wins little by it.

        Args:
            query: distinct items of the session, latest first.
        """
        rarity = self.rarity if self.more is None else self.more.rarity
        query = query[query < len(rarity)]
        sessions, owner = self._sessions_of(query)
        if not len(sessions):
            return NOTHING
        weights = 1 - np.arange(len(query)) / (len(query) + 1)
        found, order, starts = grouped(sessions)
        shared = owner.take(order)
        near = np.add.reduceat((weights * np.sqrt(rarity[query])).take(shared), starts)
        latest = np.minimum.reduceat(shared, starts)
        if len(found) > NEIGHBOURS:
            # Of equally near ones the more recent: `found` ascends by time.
            tie = np.arange(len(found)) * (1e-6 / len(found))
            top = (near + tie).argpartition(len(found) - NEIGHBOURS)[-NEIGHBOURS:]
            found, near, latest = found[top], near[top], latest[top]
        vote = near * weights[latest]
        items, owner = self._items_of(found)
        sums = sum_by_id(items, vote.take(owner))
        return Sums(sums.ids, sums.values * np.sqrt(rarity.take(sums.ids)))

    def _sessions_of(self, query: Ids) -> tuple[NDArray[np.integer], Ids]:
        """Return the sessions that hold these items, later ones numbered on, and by which item."""
        inside = np.flatnonzero(query < len(self.session_offsets) - 1)
        places, owner = spread(self.session_offsets, query[inside])
        sessions: NDArray[np.integer] = self.sessions.take(places)
        owner = inside[owner]
        if self.retold is not None:
            kept = ~np.isin(sessions, self.retold)
            sessions, owner = sessions[kept], owner[kept]
        if self.more is None:
            return sessions, owner
        later, other = self.more._sessions_of(query)
        later = later.astype(np.int64) + self.count
        return np.concatenate([sessions, later]), np.concatenate([owner, other])

    def _items_of(self, sessions: Ids) -> tuple[NDArray[np.int32], Ids]:
        """Return the items of these sessions, and of which each is."""
        if self.more is None:
            places, owner = spread(self.item_offsets, sessions)
            return self.items.take(places), owner
        old, late = np.flatnonzero(sessions < self.count), np.flatnonzero(sessions >= self.count)
        places, owner = spread(self.item_offsets, sessions[old])
        items, other = self.more._items_of(sessions[late] - self.count)
        return (
            np.concatenate([self.items[places], items]),
            np.concatenate([old[owner], late[other]]),
        )


def latest_distinct(session: Ids, at_most: int) -> Ids:
    """Return the latest distinct items, latest first."""
    found = list(dict.fromkeys(session[::-1].tolist()))[:at_most]
    return np.array(found, dtype=np.int64)
