"""Which items meet a wish: answered from retrieval's arrays, exactly as the memory says."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.limits import Limits
from re2llm.catalog.retrieve.sparse import Ids
from re2llm.catalog.retrieve.words import bucket
from re2llm.service.chat.memory import Memory, names

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The shop's items, by what a wish can say of them. Blocking: milliseconds for 100,000 items.

    Attributes:
        limits: answers filters.
        labels: items by the words of their titles and attributes.
    """

    catalog: Catalog
    limits: Limits
    labels: Inverted

    @classmethod
    def of(cls, retriever: HybridRetriever) -> "Shelf":
        """Read the arrays that retrieval has."""
        items = retriever.items
        limits = Limits(catalog=retriever.catalog, attributes=items.attributes)
        return cls(catalog=retriever.catalog, limits=limits, labels=items.labels)

    def meeting(self, memory: Memory, exclude: Sequence[str]) -> Mask:
        """Return (items,) which meet a wish with all its refusals."""
        brought = self._brought(memory, exclude)
        return brought & ~self._unwanted(memory, brought)

    def ruled_out(self, memory: Memory, exclude: Sequence[str], most: int) -> tuple[str, ...]:
        """Return the first items that the wish would bring and that its refusals rule out."""
        brought = self._brought(memory, exclude)
        found = np.flatnonzero(self._unwanted(memory, brought))
        return tuple(self.catalog.items[place].item_id for place in found[:most])

    def _brought(self, memory: Memory, exclude: Sequence[str]) -> Mask:
        filters = Filters.parse(memory.filters(exclude=tuple(exclude)))
        allowed = self.limits.allowed(Query(session=(), filters=filters))
        return np.ones(len(self.catalog), dtype=bool) if allowed is None else allowed

    def _unwanted(self, memory: Memory, among: Mask) -> Mask:
        """Return (items,) which of some items a wish's refusals rule out."""
        found = np.zeros(len(self.catalog), dtype=bool)
        for facet in memory.avoid:
            found[self.limits.attributes.with_value(facet.attribute, facet.value)] = True
        found &= among
        for phrase in memory.avoid_words:
            found[self._naming(phrase, among & ~found)] = True
        return found

    def _naming(self, phrase: str, among: Mask) -> Ids:
        """Return those of some items that name all words of a phrase.

        Words share numbers in the index, so each item that it finds is looked at.
        """
        held = np.flatnonzero(among)
        said = set(words(phrase))
        for word in said:
            held = np.intersect1d(held, self.labels.with_term(bucket(word)), assume_unique=True)
        kept = [place for place in held if said and names(self.catalog.items[place], phrase)]
        return np.array(kept, dtype=np.int64)
