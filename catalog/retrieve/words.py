"""Which words an item is known by, and how words are numbered."""

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.sparse import Ids

BUCKETS = 1 << 20
"""Words are numbered by a hash: nothing to keep, and collisions are rare in a million places."""
_SILENT = frozenset({"available", "price", "description"})


@lru_cache(maxsize=262144)
def bucket(word: str) -> int:
    """Number a word."""
    return zlib.crc32(word.encode()) % BUCKETS


def buckets(text: Sequence[str]) -> Ids:
    """Number words; ascending, without repeats."""
    return np.unique(np.array([bucket(word) for word in text], dtype=np.int64))


def index_titles(catalog: Catalog) -> Inverted:
    """Index the words of the titles: what items are alike by."""
    return _index([item.title for item in catalog])


def index_labels(catalog: Catalog) -> Inverted:
    """Index the words of titles and attributes: what a request may name."""
    return _index([_told(item) for item in catalog])


def _told(item: Item) -> str:
    parts = [item.title]
    for name, value in item.attributes.items():
        if name not in _SILENT:
            parts.extend(value if isinstance(value, tuple) else (str(value),))
    return " ".join(parts)


def _index(texts: Sequence[str]) -> Inverted:
    rows = [{bucket(word) for word in words(text)} for text in texts]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    flat = np.fromiter((term for row in rows for term in sorted(row)), dtype=np.int64)
    return Inverted.build(lengths, flat, BUCKETS)
