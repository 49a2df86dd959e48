"""Which items share which terms (words, attribute values): both ways, in flat arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.retrieve.sparse import NOTHING, Ids, Sums, binned, offsets_of, spread, sum_by_id

LONGEST = 3000
"""Items of one term that are looked at when searching; commoner terms only rank what is found."""
TERMS = 64
"""Terms of a query that are searched for: those of most weight."""


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
    """

    item_offsets: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]
    term_offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    item_weights: NDArray[np.float32]

    @classmethod
    def build(cls, lengths: NDArray[np.int64], terms: NDArray[np.int64], size: int) -> "Inverted":
        """Index items.

        Args:
            lengths: (items,) how many distinct terms each item has.
            terms: the items' terms in turn.
            size: how many terms there are.
        """
        rows = np.repeat(np.arange(len(lengths)), lengths)
        counts = np.bincount(terms, minlength=size)
        weights = np.log1p(len(lengths) / np.maximum(counts[terms], 1))
        norms = np.sqrt(np.bincount(rows, weights**2, minlength=len(lengths)))
        weights = (weights / np.maximum(norms, 1e-9)[rows]).astype(np.float32)
        order = np.argsort(terms, kind="stable")
        return cls(
            item_offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            terms=terms.astype(np.int32),
            weights=weights,
            term_offsets=offsets_of(terms, size),
            items=rows[order].astype(np.int32),
            item_weights=weights[order],
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "Inverted":
        """Take arrays as `arrays` gave them."""
        return cls(**{name: arrays[name] for name in cls.__slots__})  # type: ignore[arg-type]

    def with_term(self, term: int) -> NDArray[np.int32]:
        """Return the positions of the items that have a term, ascending."""
        return self.items[self.term_offsets[term] : self.term_offsets[term + 1]]

    def of_session(self, session: Ids, weights: NDArray[np.float64]) -> Sums:
        """Return the terms of these items, weighted, as a query of length one."""
        places, owner = spread(self.item_offsets, session)
        sums = sum_by_id(self.terms[places], self.weights[places] * weights[owner])
        length = float(np.linalg.norm(sums.values)) if len(sums.values) else 0.0
        return Sums(sums.ids, sums.values / length) if length > 0 else NOTHING

    def of_terms(self, terms: Ids) -> Sums:
        """Return distinct terms as a query, by rarity; one that no item has counts as the rarest.

        The weights sum to one, so that `covered` is a share.
        """
        if not len(terms):
            return NOTHING
        ids = np.unique(terms)
        known = self.term_offsets[ids + 1] - self.term_offsets[ids]
        rarity = np.log1p((len(self.item_offsets) - 1) / np.maximum(known, 1)) + 1e-9
        return Sums(ids, rarity / rarity.sum())

    def search(self, query: Sums) -> Sums:
        """Return items that share the query's terms of most weight that are not too common."""
        if not len(query.ids):
            return NOTHING
        counts = self.term_offsets[query.ids + 1] - self.term_offsets[query.ids]
        usable = counts <= LONGEST
        if not usable.any():
            usable = counts == counts.min()
        chosen = Sums(query.ids[usable], query.values[usable]).best(TERMS)
        places, owner = spread(self.term_offsets, chosen)
        places, owner = places[: 20 * LONGEST], owner[: 20 * LONGEST]
        return sum_by_id(self.items[places], self.item_weights[places] * query.at(chosen)[owner])

    def overlap(self, query: Sums, items: Ids) -> NDArray[np.float64]:
        """Return the inner product of each item's terms with the query."""
        places, owner = spread(self.item_offsets, items)
        shared = self.weights[places] * query.at(self.terms[places].astype(np.int64))
        return binned(owner, shared, len(items))

    def covered(self, query: Sums, items: Ids) -> NDArray[np.float64]:
        """Return the weight of the query's terms that each item has."""
        places, owner = spread(self.item_offsets, items)
        shared = query.at(self.terms[places].astype(np.int64))
        return binned(owner, shared, len(items))
