"""Which words an item is known by, and how words are numbered."""

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.sparse import Ids

BUCKETS = 1 << 20
"""Words are numbered by a hash: nothing to keep, and collisions are rare in a million places."""
Terms = tuple[NDArray[np.int64], NDArray[np.int64]]
_SILENT = frozenset({"available", "price", "description"})


@lru_cache(maxsize=262144)
def bucket(word: str) -> int:
    """Number a word."""
    return zlib.crc32(word.encode()) % BUCKETS


def buckets(text: Sequence[str]) -> Ids:
    """Number words; ascending, without repeats."""
    return np.unique(np.array([bucket(word) for word in text], dtype=np.int64))


def index_titles(items: Sequence[Item]) -> Inverted:
    """Index the words of the titles: what items are alike by."""
    return Inverted.build(*title_terms(items), BUCKETS)


def index_labels(items: Sequence[Item]) -> Inverted:
    """Index the words of titles and attributes: what a request may name."""
    return Inverted.build(*label_terms(items), BUCKETS)


def title_terms(items: Iterable[Item]) -> Terms:
    """Return how many words each item's title has, and which, by number."""
    return _terms(item.title for item in items)


def label_terms(items: Iterable[Item]) -> Terms:
    """Return the same for titles and attributes."""
    return _terms(map(_told, items))


def _told(item: Item) -> str:
    parts = [item.title]
    for name, value in item.attributes.items():
        if name not in _SILENT:
            parts.extend(value if isinstance(value, tuple) else (str(value),))
    return " ".join(parts)


def _terms(texts: Iterable[str]) -> Terms:
    rows = [{bucket(word) for word in words(text)} for text in texts]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return lengths, np.fromiter((term for row in rows for term in sorted(row)), dtype=np.int64)
