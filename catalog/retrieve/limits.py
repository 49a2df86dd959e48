"""Which items meet the hard limits: filters answered from arrays, exactly as `Filters.allows`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.catalog.retrieve.attributes import AttributeIndex
from re2llm.catalog.retrieve.sparse import Ids

_SLOW = frozenset({"description"})
"""Attributes without an index: long texts that nobody filters by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Answers filters for one catalogue."""

    catalog: Catalog
    attributes: AttributeIndex

    def allowed(self, query: Query) -> NDArray[np.bool_] | None:
        """Return (items,) which items meet the query's filters; None where there are none."""
        filters = query.filters
        excluded = self.excluded(query)
        if not (filters.equal or filters.ranges or len(excluded)):
            return None
        allowed = np.ones(len(self.catalog), dtype=bool)
        allowed[excluded] = False
        for name, interval in filters.ranges.items():
            column = self.attributes.columns.get(name)
            if column is None:
                return np.zeros(len(self.catalog), dtype=bool)
            values = self.attributes.numbers[column]
            low = -np.inf if interval.low is None else interval.low
            high = np.inf if interval.high is None else interval.high
            allowed &= (values >= low) & (values <= high)
        for name, wanted in filters.equal.items():
            if name in _SLOW:
                only = Filters(equal={name: wanted})
                allowed &= np.fromiter(map(only.allows, self.catalog), dtype=bool)
                continue
            having = np.zeros(len(self.catalog), dtype=bool)
            for value in wanted:
                having[self.attributes.with_value(name, value)] = True
            allowed &= having
        return allowed

    def excluded(self, query: Query) -> Ids:
        """Return the positions that the filters name one by one."""
        names = [*query.filters.exclude, *(query.session if query.filters.exclude_seen else ())]
        return self.positions(names)

    def positions(self, item_ids: Sequence[str]) -> Ids:
        """Return positions of the ids that exist, in order."""
        found = [self.catalog.position(item_id) for item_id in item_ids]
        return np.array([place for place in found if place is not None], dtype=np.int64)
