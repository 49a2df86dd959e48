"""Which items meet a wish: answered from retrieval's arrays, exactly as the memory says."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.retrieve.sparse import Ids
from re2llm.catalog.retrieve.words import bucket
from re2llm.service.chat.memory import Memory, names

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The shop's items, by what a wish can say of them. Blocking: milliseconds for 100,000 items.

    Attributes:
        now: returns the retriever that serves; its arrays are read.
    """

    now: Callable[[], HybridRetriever]

    @classmethod
    def of(cls, retriever: HybridRetriever) -> "Shelf":
        """Read the arrays that one retriever has."""
        return cls(now=lambda: retriever)

    def meeting(self, memory: Memory, exclude: Sequence[str]) -> Mask:
        """Return (items,) which meet a wish with all its refusals."""
        retriever = self.now()
        brought = _brought(retriever, memory, exclude)
        return brought & ~_unwanted(retriever, memory, brought)

    def says(self, memory: Memory, phrase: str, exclude: Sequence[str]) -> bool:
        """Say whether some item that meets a wish names all words of a phrase."""
        retriever = self.now()
        return len(_naming(retriever, phrase, self.meeting(memory, exclude))) > 0

    def titled(self, title: str) -> Item | None:
        """Return the item whose title is just these words; the most popular of several."""
        retriever = self.now()
        items, said = retriever.catalog.items, words(title)
        found = _naming(retriever, title, np.ones(retriever.items.total, dtype=bool))
        found = np.array([n for n in found.tolist() if words(items[n].title) == said], np.int64)
        if not len(found):
            return None
        return items[int(found[np.argmax(retriever.log.popularity.of_items(found))])]

    def by_number(
        self, memory: Memory, exclude: Sequence[str], name: str, *, falling: bool
    ) -> Iterator[Item]:
        """Return what meets a wish and has a number of this name, by it, the least first.

        Args:
            memory: the wish; where some items name all its words, the others are left out.
            exclude: items that must not be among them.
            name: a numeric attribute.
            falling: the greatest first.
        """
        retriever = self.now()
        meeting = self.meeting(memory, exclude)
        naming = meeting.copy()
        for phrase in memory.words:
            found = _naming(retriever, phrase, naming)
            naming[:] = False
            naming[found] = True
        held = np.flatnonzero(naming if naming.any() else meeting)
        numbers = retriever.items.attributes.number(name, held)
        held, numbers = held[~np.isnan(numbers)], numbers[~np.isnan(numbers)]
        order = np.argsort(-numbers if falling else numbers, kind="stable")
        items = retriever.catalog.items
        return (items[place] for place in held[order].tolist())

    def ruled_out(self, memory: Memory, exclude: Sequence[str], most: int) -> tuple[str, ...]:
        """Return the first items that the wish would bring and that its refusals rule out."""
        retriever = self.now()
        brought = _brought(retriever, memory, exclude)
        found = np.flatnonzero(_unwanted(retriever, memory, brought))
        return tuple(retriever.catalog.items[place].item_id for place in found[:most])


def _brought(retriever: HybridRetriever, memory: Memory, exclude: Sequence[str]) -> Mask:
    found = np.zeros(retriever.items.total, dtype=bool)
    found[retriever.meeting(Filters.parse(memory.filters(exclude=tuple(exclude))))] = True
    return found


def _unwanted(retriever: HybridRetriever, memory: Memory, among: Mask) -> Mask:
    """Return (items,) which of some items a wish's refusals rule out."""
    found = np.zeros(len(among), dtype=bool)
    for facet in memory.avoid:
        unwanted = Filters(equal={facet.attribute: (facet.value,)})
        found[retriever.meeting(unwanted)] = True
    found &= among
    for phrase in memory.avoid_words:
        found[_naming(retriever, phrase, among & ~found)] = True
    return found


def _naming(retriever: HybridRetriever, phrase: str, among: Mask) -> Ids:
    """Return those of some items that name all words of a phrase.

    Words share numbers in the index, so each item that it finds is looked at.
    """
    held = np.flatnonzero(among)
    said = set(words(phrase))
    for word in said:
        having = retriever.items.labels.with_term(bucket(word))
        held = np.intersect1d(held, having, assume_unique=True)
    items = retriever.catalog.items
    kept = [place for place in held.tolist() if said and names(items[place], phrase)]
    return np.array(kept, dtype=np.int64)
