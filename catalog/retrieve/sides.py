"""What a retriever keeps: what items tell of themselves, and what sessions tell of them."""

from dataclasses import dataclass, replace

from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.items import Catalog
from re2llm.catalog.retrieve.additions import Places, Retold
from re2llm.catalog.retrieve.attributes import AttributeIndex
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.meanings import DIM, Meanings, learn_meanings
from re2llm.catalog.retrieve.neighbours import NeighbourIndex
from re2llm.catalog.retrieve.popularity import Popularity
from re2llm.catalog.retrieve.together import TogetherIndex
from re2llm.catalog.retrieve.vectors import VectorIndex
from re2llm.catalog.retrieve.words import index_words, item_terms
from re2llm.catalog.sessions import SessionLog

_BLOCK = 65_536
"""Titles that are made vectors of at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSide:
    """What is known of the items alone; shared by indexes over different sessions."""

    titles: Inverted
    labels: Inverted
    vectors: VectorIndex
    attributes: AttributeIndex

    @classmethod
    def build(cls, catalog: Catalog, encoder: TextEncoder) -> "ItemSide":
        """Index a catalogue."""
        titles, labels = index_words(catalog.items)
        starts = range(0, len(catalog), _BLOCK)
        blocks = (catalog.items[start : start + _BLOCK] for start in starts)
        vectors = (encoder.encode([item.title for item in block]) for block in blocks)
        return cls(
            titles=titles,
            labels=labels,
            vectors=VectorIndex.build(vectors, encoder.dim),
            attributes=AttributeIndex.build(catalog),
        )

    @property
    def size(self) -> int:
        """Return how many items the index holds, without later ones."""
        return self.vectors.size

    @property
    def total(self) -> int:
        """Return how many positions are known, later ones included."""
        more = self.titles.more
        return self.size if more is None else max(self.size, int(more.places.at[-1]) + 1)

    def adding(self, catalog: Catalog, places: Places, encoder: TextEncoder) -> "ItemSide":
        """Return the same where the items at these places are as the catalogue has them now."""
        items = [catalog.items[place] for place in places.at.tolist()]
        titles, labels = item_terms(items)
        return ItemSide(
            titles=self.titles.adding(places, *titles),
            labels=self.labels.adding(places, *labels),
            vectors=self.vectors.adding(places, encoder.encode([item.title for item in items])),
            attributes=self.attributes.adding(places, items),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSide:
    """What sessions tell of the items; `words` is what `meanings` places items by."""

    neighbours: NeighbourIndex
    together: TogetherIndex
    popularity: Popularity
    meanings: VectorIndex
    words: Meanings

    @classmethod
    def build(cls, log: SessionLog, items: ItemSide) -> "LogSide":
        """Index a log over these items."""
        size = items.size
        titles, words = items.titles, learn_meanings(log, items.titles)
        made = cls(
            neighbours=NeighbourIndex.build(log, size),
            together=TogetherIndex.build(log, size),
            popularity=Popularity.build(log, size),
            meanings=VectorIndex.build(words.parts(titles), DIM),
            words=words,
        )
        return made.placing(items)

    def placing(self, items: ItemSide) -> "LogSide":
        """Return the same with the items that came later in place."""
        more = items.titles.more
        if more is None:
            return self
        placed = self.words.place(more.offsets, more.terms, more.weights)
        return replace(self, meanings=self.meanings.adding(more.places, placed))

    def adding(self, log: SessionLog, retold: Retold, size: int) -> "LogSide":
        """Return the same with later sessions, if any.

        Args:
            log: those.
            retold: earlier ones that do not count any more.
            size: of the catalogue now.
        """
        if not len(log):
            return self
        return replace(
            self,
            neighbours=self.neighbours.adding(log, retold.rows, size),
            together=self.together.adding(log, retold.log, size),
            popularity=self.popularity.adding(log, retold),
        )
