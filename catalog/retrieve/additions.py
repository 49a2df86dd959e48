"""Where things lie that came after an index was built: beside it, and looked up by position.

An index never changes. What is new or otherwise about some items is a small second part: rows by
catalogue position, ascending. A position of the index that has a row there counts by that row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.retrieve.sparse import Ids
from re2llm.catalog.sessions import SessionLog


@dataclass(frozen=True, slots=True)
class Places:
    """Which catalogue positions the rows of an addition are about.

    Attributes:
        at: (rows,) positions, ascending.
        base: how many items the index beside it has; positions from there on are new items.
    """

    at: Ids
    base: int

    def rows(self, items: Ids) -> Ids:
        """Return each item's row, -1 where it is as the index says."""
        if not len(self.at):
            return np.full(len(items), -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self.at, items), len(self.at) - 1)
        return np.where(self.at[found] == items, found, -1)

    def old(self, items: NDArray[np.integer]) -> Ids:
        """Return those of these items that are as the index says."""
        kept: Ids = items[self.rows(items.astype(np.int64)) < 0].astype(np.int64)
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Retold:
    """Sessions of the index that were told again since: they do not count any more.

    Attributes:
        rows: (sessions,) of the log that the index was built of, ascending.
        log: what they were.
        worth: (sessions,) what a click of theirs counted for popularity.
    """

    rows: Ids
    log: SessionLog
    worth: NDArray[np.float64]

    @classmethod
    def none(cls) -> "Retold":
        """Return no session."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(rows=nothing, log=SessionLog.from_sequences([]), worth=np.zeros(0))
