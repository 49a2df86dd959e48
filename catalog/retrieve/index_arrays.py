"""Which arrays an index is, by name, and back."""

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.items import Catalog
from re2llm.catalog.retrieve.attributes import AttributeIndex
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.meanings import Meanings
from re2llm.catalog.retrieve.neighbours import NeighbourIndex
from re2llm.catalog.retrieve.popularity import Popularity
from re2llm.catalog.retrieve.sides import ItemSide, LogSide
from re2llm.catalog.retrieve.together import TogetherIndex
from re2llm.catalog.retrieve.vectors import VectorIndex

Arrays = dict[str, NDArray[np.generic]]


def arrays_of(built: HybridRetriever) -> Arrays:
    """Return all arrays, without what was added later."""
    parts: dict[str, Arrays] = {
        "titles": built.items.titles.arrays(),
        "labels": built.items.labels.arrays(),
        "vectors": built.items.vectors.arrays(),
        "attributes": built.items.attributes.arrays(),
        "neighbours": built.log.neighbours.arrays(),
        "together": built.log.together.arrays(),
        "popularity": built.log.popularity.arrays(),
        "meanings": built.log.meanings.arrays(),
        "words": built.log.words.arrays(),
    }
    return {
        f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()
    }


def retriever_of(catalog: Catalog, encoder: TextEncoder, arrays: Arrays) -> HybridRetriever:
    """Put a retriever together; raises `KeyError` or `TypeError` where an array is missing."""

    def part(name: str) -> Arrays:
        return {
            key.removeprefix(f"{name}."): np.asarray(array)
            for key, array in arrays.items()
            if key.startswith(f"{name}.")
        }

    items = ItemSide(
        titles=Inverted.of(part("titles")),
        labels=Inverted.of(part("labels")),
        vectors=VectorIndex.of(part("vectors")),
        attributes=AttributeIndex.of(part("attributes")),
    )
    log = LogSide(
        neighbours=NeighbourIndex.of(part("neighbours")),
        together=TogetherIndex.of(part("together")),
        popularity=Popularity.of(part("popularity")),
        meanings=VectorIndex.of(part("meanings")),
        words=Meanings.of(part("words")),
    )
    return HybridRetriever(catalog=catalog, encoder=encoder, items=items, log=log)
