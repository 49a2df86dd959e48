"""Which items share which terms (words, attribute values): both ways, in flat arrays."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.retrieve.additions import Places
from re2llm.catalog.retrieve.sparse import NOTHING, Ids, Sums, binned, offsets_of, spread, sum_by_id

LONGEST = 3000
"""Items that a term may have to be searched for; commoner terms only rank what is found."""
BUDGET = 1500
"""Entries that one search looks at, about: those of the terms that weigh most in the query."""


@dataclass(frozen=True, slots=True)
class MoreTerms:
    """Terms of some items, by row; weights as the index beside it would give.

    Attributes:
        offsets: (rows + 1,) where a row's terms start.
    """

    places: Places
    offsets: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Inverted:
    """Terms by item and items by term.

    Attributes:
        item_offsets: (items + 1,) where an item's terms start.
        terms: terms by number.
        weights: rarity of each term of an item, the item's weights having length one.
        term_offsets: (terms + 1,) where a term's items start.
        items: catalogue positions by term, ascending.
        item_weights: the same weights, by term.
        more: what came after the index was built.
    """

    item_offsets: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]
    term_offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    item_weights: NDArray[np.float32]
    more: MoreTerms | None = None

    @classmethod
    def build(cls, lengths: NDArray[np.int64], terms: NDArray[np.integer], size: int) -> "Inverted":
        """Index items.

        Args:
            lengths: (items,) how many distinct terms each item has.
            terms: the items' terms in turn.
            size: how many terms there are.
        """
        rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        counts = np.bincount(terms, minlength=size)
        weights = _weights(rows, counts[terms], len(lengths), len(lengths))
        order = np.argsort(terms, kind="stable")
        return cls(
            item_offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            terms=terms.astype(np.int32),
            weights=weights,
            term_offsets=offsets_of(terms, size),
            items=rows[order],
            item_weights=weights[order],
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "more"}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "Inverted":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    def adding(
        self, places: Places, lengths: NDArray[np.int64], terms: NDArray[np.integer]
    ) -> "Inverted":
        """Return the same with other terms for some items; `lengths` and `terms` as for `build`."""
        counts = self._known(terms)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        more = MoreTerms(
            places=places,
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            terms=terms.astype(np.int32),
            weights=_weights(rows, counts, len(lengths), max(len(self.item_offsets) - 1, 1)),
        )
        return replace(self, more=more)

    def known(self, terms: Ids) -> NDArray[np.bool_]:
        """Say of each term whether some item has it, or had it."""
        known = self._known(terms) > 0
        return known if self.more is None else known | np.isin(terms, self.more.terms)

    def with_term(self, term: int) -> Ids:
        """Return the positions of the items that have a term, ascending."""
        items = self.items[:0].astype(np.int64)
        if term < len(self.term_offsets) - 1:
            found = self.items[self.term_offsets[term] : self.term_offsets[term + 1]]
            items = found.astype(np.int64)
        if self.more is None:
            return items
        rows = np.searchsorted(self.more.offsets, np.flatnonzero(self.more.terms == term), "right")
        return np.union1d(self.more.places.old(items), self.more.places.at[rows - 1])

    def count(self, term: int) -> int:
        """Return how many items have a term, or had it."""
        extra = 0 if self.more is None else int((self.more.terms == term).sum())
        return extra + int(self._known(np.array([term]))[0])

    def lengths(self, items: Ids) -> NDArray[np.int64]:
        """Return how many terms each item has."""
        if self.more is None:
            return self.item_offsets.take(items + 1) - self.item_offsets.take(items)
        _, _, owner = self._gathered(items)
        return np.bincount(owner, minlength=len(items))

    def having(self, terms: Ids, items: Ids) -> NDArray[np.int64]:
        """Return how many of these distinct terms each item has."""
        found, _, owner = self._gathered(items)
        return np.bincount(owner[np.isin(found, terms)], minlength=len(items))

    def of_session(self, session: Ids, weights: NDArray[np.float64]) -> Sums:
        """Return the terms of these items, weighted, as a query of length one."""
        terms, rarity, owner = self._gathered(session)
        sums = sum_by_id(terms, rarity * weights.take(owner))
        length = math.sqrt(sums.values @ sums.values)
        return Sums(sums.ids, sums.values / length) if length > 0 else NOTHING

    def of_terms(self, terms: Ids) -> Sums:
        """Return distinct terms as a query, by rarity; one that no item has counts as the rarest.

        The weights sum to one, so that `covered` is a share.
        """
        if not len(terms):
            return NOTHING
        ids = np.unique(terms)
        rarity = np.log1p((len(self.item_offsets) - 1) / np.maximum(self._known(ids), 1)) + 1e-9
        return Sums(ids, rarity / rarity.sum())

    def search(self, query: Sums) -> Sums:
        """Return items that share the query's terms of most weight that are not too common."""
        if not len(query.ids):
            return NOTHING
        terms, values, counts = query.ids, query.values, self._known(query.ids)
        if counts.max() > LONGEST:
            usable = counts <= max(LONGEST, counts.min())
            terms, values, counts = terms[usable], values[usable], counts[usable]
        order = (-values).argsort(kind="stable")
        affordable = counts.take(order).cumsum() <= BUDGET
        affordable[0] = True
        chosen = order[affordable]
        if self.more is not None:
            chosen = chosen[terms[chosen] < len(self.term_offsets) - 1]
        places, owner = spread(self.term_offsets, terms.take(chosen))
        worth = self.item_weights.take(places) * values.take(chosen).take(owner)
        found = sum_by_id(self.items.take(places), worth)
        if self.more is None:
            return found
        at = self.more.places.at
        close = self.overlap(query, at)
        ids = np.concatenate([found.ids, at[close > 0]])
        return sum_by_id(ids, np.concatenate([found.values, close[close > 0]]))

    def overlap(self, query: Sums, items: Ids) -> NDArray[np.float64]:
        """Return the inner product of each item's terms with the query."""
        terms, weights, owner = self._gathered(items)
        return binned(owner, weights * self._told(query, terms), len(items))

    def covered(self, query: Sums, items: Ids) -> NDArray[np.float64]:
        """Return the weight of the query's terms that each item has."""
        terms, _, owner = self._gathered(items)
        return binned(owner, self._told(query, terms), len(items))

    @staticmethod
    def _told(query: Sums, terms: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return what the query's terms count; a few are recast sooner than many."""
        return Sums(query.ids.astype(terms.dtype), query.values).at(terms)

    def _known(self, terms: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return how many items of the index have each term."""
        # Numbers beyond the last term's are of terms that came later: as if they began at its end.
        ends = self.term_offsets.take(terms + 1, mode="clip")
        return ends - self.term_offsets.take(terms, mode="clip")

    def _gathered(self, items: Ids) -> tuple[NDArray[np.int32], NDArray[np.float32], Ids]:
        """Return all terms of these items, their weights, and whose they are."""
        if self.more is None:
            places, owner = spread(self.item_offsets, items)
            return self.terms.take(places), self.weights.take(places), owner
        rows = self.more.places.rows(items)
        old = np.flatnonzero((rows < 0) & (items < len(self.item_offsets) - 1))
        new = np.flatnonzero(rows >= 0)
        first, owner = spread(self.item_offsets, items[old])
        second, other = spread(self.more.offsets, rows[new])
        return (
            np.concatenate([self.terms[first], self.more.terms[second]]),
            np.concatenate([self.weights[first], self.more.weights[second]]),
            np.concatenate([old[owner], new[other]]),
        )


def _weights(
    rows: NDArray[np.integer], counts: NDArray[np.int64], n: int, items: int
) -> NDArray[np.float32]:
    """Return the rarity of each term, every row's having length one."""
    rarity = np.log1p(items / np.maximum(counts, 1))
    norms = np.sqrt(np.bincount(rows, rarity**2, minlength=n))
    found: NDArray[np.float32] = (rarity / np.maximum(norms, 1e-9)[rows]).astype(np.float32)
    return found
