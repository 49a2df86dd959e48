"""What a policy reads off an item: its words, its labels, its numbers."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import AttributeValue, Item

_WORD = re.compile(r"\w\w+")
_LARGEST = 1e12
"""A year or price beyond this is an error in the data, and unknown."""


def numbers(items: Sequence[Item], name: str) -> NDArray[np.float64]:
    """Return this attribute of the items that have it as a number, in order."""
    found = [_number(item.attributes.get(name)) for item in items]
    return np.array([value for value in found if value is not None], dtype=np.float64)


def log_prices(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return log(1 + price) of the items that have a price above 0, in order."""
    prices = numbers(items, "price")
    return np.log1p(prices[prices > 0])


def labels(item: Item, kind: str) -> frozenset[str]:
    """Return what an item is of this kind; of a category path, its two narrowest steps."""
    value = item.attributes.get(kind)
    if value is None:
        return frozenset()
    if isinstance(value, tuple):
        return _folded(value[-2:] if kind == "category" else value)
    return _folded((str(value),))


@lru_cache(maxsize=65536)
def tokens(title: str) -> frozenset[str]:
    """Return the words of a title, as `words_of` does; titles come again with every session."""
    return words_of(title)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, two letters at least, in one case."""
    return frozenset(_WORD.findall(text.casefold()))


@lru_cache(maxsize=65536)
def _folded(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.casefold() for value in values if value)


def _number(value: AttributeValue | None) -> float | None:
    if value is None or isinstance(value, tuple):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < _LARGEST else None
