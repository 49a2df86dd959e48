"""Which items meet the hard limits: answered for a few items from arrays, never for all of them.

The answers are exactly those of `Filters.allows`; what a request rules out and what is out of stock
come on top. Where a limit leaves few items, an index says which.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters, Range
from re2llm.catalog.items import AttributeValue, Catalog
from re2llm.catalog.retrieve.attributes import AttributeIndex
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.sparse import Ids
from re2llm.catalog.retrieve.wishes import Wish
from re2llm.catalog.retrieve.words import buckets

LISTED = 50_000
"""Where a limit leaves no more items of the index than this, they are listed and checked."""
_SLOW = frozenset({"description"})
"""Attributes without an index: long texts that nobody filters by."""

_SIDE_BY_SIDE = 32
"""So few are compared one by one, which is faster than sorting them."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one query over one catalogue.

    Attributes:
        excluded: positions that are named one by one.
        without: words (by number) of which an item must not have all.
        sold: whether items that are out of stock are left out.
    """

    catalog: Catalog
    attributes: AttributeIndex
    labels: Inverted
    ranges: Sequence[tuple[str, Range]] = ()
    equal: Sequence[tuple[str, Sequence[AttributeValue]]] = ()
    excluded: Ids = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    without: Sequence[Ids] = ()
    sold: bool = True

    @classmethod
    def of(
        cls,
        query: Query,
        wish: Wish,
        *,
        catalog: Catalog,
        attributes: AttributeIndex,
        labels: Inverted,
        sold: bool,
    ) -> "Limits":
        """Read what a query and its words rule out; bounds on what no item has are no limits."""
        filters = query.filters
        named = [*filters.exclude, *(query.session if filters.exclude_seen else ())]
        ranges = [*filters.ranges.items()]
        ranges += [(name, one) for name, one in wish.ranges.items() if attributes.has(name)]
        phrases = (buckets(phrase) for phrase in wish.without)
        return cls(
            catalog=catalog,
            attributes=attributes,
            labels=labels,
            ranges=ranges,
            equal=list(filters.equal.items()),
            excluded=positions(catalog, named),
            without=[kept for terms in phrases if len(kept := terms[labels.known(terms)])],
            sold=sold and attributes.has("available"),
        )

    @property
    def narrow(self) -> bool:
        """Say whether there is a limit that may leave few items."""
        return bool(self.ranges or self.equal or len(self.without))

    def meet(self, items: Ids) -> Ids:
        """Return those of these items that meet all limits, in order."""
        kept = items[~among(items, self.excluded)] if len(self.excluded) else items
        if self.sold:
            kept = kept[self.attributes.number("available", kept) != 0]
        for name, interval in self.ranges:
            values = self.attributes.number(name, kept)
            low, high = _ends(interval)
            kept = kept[(values >= low) & (values <= high)]
        for name, wanted in self.equal:
            kept = kept[self._having(name, wanted, kept)]
        for terms in self.without:
            kept = kept[self.labels.having(terms, kept) < len(terms)]
        return kept

    def listed(self) -> Ids | None:
        """Return all items that meet the limits; None where no limit leaves few enough to list."""
        fewest, best = LISTED + 1, None
        for name, interval in self.ranges:
            count, ranked = self.attributes.between(name, *_ends(interval))
            if count < fewest:
                fewest, best = count, ranked.astype(np.int64)
        for name, wanted in self.equal:
            if name not in _SLOW and (count := self._count(name, wanted)) < fewest:
                fewest, best = count, self._with(name, wanted)
        if best is None:
            return None
        found = np.unique(best)
        if self.attributes.more is not None:
            found = np.union1d(found, self.attributes.more.places.at)
        return self.meet(found)

    def _having(self, name: str, wanted: Sequence[AttributeValue], items: Ids) -> Mask:
        if name in _SLOW:
            only = Filters(equal={name: tuple(wanted)})
            own = self.catalog.items
            return np.array([only.allows(own[place]) for place in items.tolist()], dtype=bool)
        having = np.zeros(len(items), dtype=bool)
        codes, numbers = self._told(name, wanted)
        if len(codes):
            having |= self.attributes.labels.having(codes, items) > 0
        if numbers:
            having |= np.isin(self.attributes.number(name, items), numbers)
        return having

    def _count(self, name: str, wanted: Sequence[AttributeValue]) -> int:
        codes, numbers = self._told(name, wanted)
        counts = [self.attributes.labels.count(code) for code in codes.tolist()]
        return sum(counts) + sum(self.attributes.between(name, n, n)[0] for n in numbers)

    def _with(self, name: str, wanted: Sequence[AttributeValue]) -> Ids:
        codes, numbers = self._told(name, wanted)
        parts = [self.attributes.labels.with_term(code) for code in codes.tolist()]
        parts += [self.attributes.between(name, n, n)[1].astype(np.int64) for n in numbers]
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    def _told(self, name: str, wanted: Sequence[AttributeValue]) -> tuple[Ids, list[float]]:
        """Part wanted values into labels, by number, and numbers."""
        numbers = [float(one) for one in wanted if isinstance(one, (int, float))]
        labels = [one for one in wanted if isinstance(one, str)]
        codes = [code for one in labels if (code := self.attributes.code(name, one)) is not None]
        return np.array(codes, dtype=np.int64), numbers


def positions(catalog: Catalog, item_ids: Sequence[str]) -> Ids:
    """Return positions of the ids that exist, in order."""
    found = [catalog.position(item_id) for item_id in item_ids]
    return np.array([place for place in found if place is not None], dtype=np.int64)


def among(items: Ids, few: Ids) -> Mask:
    """Say of each item whether it is among a few."""
    if len(few) > _SIDE_BY_SIDE:
        return np.isin(items, few)
    found: Mask = (few[:, None] == items).any(axis=0)
    return found


def _ends(interval: Range) -> tuple[float, float]:
    low = -math.inf if interval.low is None else interval.low
    return low, math.inf if interval.high is None else interval.high
