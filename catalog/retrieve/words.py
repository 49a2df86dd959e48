"""Which words an item is known by, and how words are numbered."""

import zlib
from array import array
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.sparse import Ids

BUCKETS = 1 << 20
"""Words are numbered by a hash: nothing to keep, and collisions are rare in a million places."""
Terms = tuple[NDArray[np.int64], NDArray[np.int32]]
_SILENT = frozenset({"available", "price", "description"})


@lru_cache(maxsize=65536)
def bucket(word: str) -> int:
    """Number a word."""
    return zlib.crc32(word.encode()) % BUCKETS


def buckets(text: Sequence[str]) -> Ids:
    """Number words; ascending, without repeats."""
    return np.unique(np.array([bucket(word) for word in text], dtype=np.int64))


def index_words(items: Sequence[Item]) -> tuple[Inverted, Inverted]:
    """Index words of titles, by which items are alike, and of all that a request may name."""
    titles, labels = item_terms(items)
    return Inverted.build(*titles, BUCKETS), Inverted.build(*labels, BUCKETS)


def item_terms(items: Iterable[Item]) -> tuple[Terms, Terms]:
    """Return words by number: those of titles, and those of titles and attributes.

    Returns:
        Twice, how many distinct words each item has, and which, one item's after the other's.
    """
    titles, labels = _Rows(), _Rows()
    for item in items:
        title = set(map(bucket, words(item.title)))
        titles.add(title)
        for name, value in item.attributes.items():
            if name not in _SILENT:
                for told in value if isinstance(value, tuple) else (str(value),):
                    title = title | _buckets(told)
        labels.add(title)
    return titles.terms(), labels.terms()


class _Rows:
    """Distinct numbers per item, in flat arrays."""

    def __init__(self) -> None:
        """Begin without items."""
        self._lengths, self._flat = array("i"), array("i")

    def add(self, row: Set[int]) -> None:
        """Add an item."""
        self._lengths.append(len(row))
        self._flat.extend(sorted(row))

    def terms(self) -> Terms:
        """Return all."""
        lengths, flat = (np.array(one, dtype=np.int32) for one in (self._lengths, self._flat))
        return lengths.astype(np.int64), flat


@lru_cache(maxsize=65536)
def _buckets(text: str) -> frozenset[int]:
    """Number the words of what many items say alike."""
    return frozenset(map(bucket, words(text)))
