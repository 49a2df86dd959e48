"""Vectors for short advice in words: hashed stems, fitted on nothing, the same on every machine."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[^\W_]+")
_ENDINGS = ("ing", "ed", "es", "s", "ly", "e")
_SHORTEST = 3
_PAIR = 0.5
"""What two words side by side count beside one word."""
_FILLERS = frozenset(
    "a an and any are as at be been by for from has have if in into is it its of on or that the "  # noqa: SIM905
    "their them then there these they this those to was were what when where which while who "
    "will with you your".split()
)


class HashingEncoder:
    """Places texts near each other that share words, whatever their endings and order.

    Being fitted on nothing, its vectors stay valid when the catalogue changes. Feature hashing with
    signs as in Weinberger et al., "Feature hashing for large scale multitask learning", 2009.
    """

    def __init__(self, dim: int = 512) -> None:
        """Make vectors of this length."""
        self.dim = dim
        self.identity = f"hashed-words-1/{dim}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, dim) rows of length one, or all zero where a text says nothing."""
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for part, count in _parts(text).items():
                place, sign = _slot(part, self.dim)
                row[place] += sign * (_PAIR if " " in part else 1.0) * count**0.5
        lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        scaled: NDArray[np.float32] = (rows / lengths).astype(np.float32)
        return scaled


def _parts(text: str) -> Counter[str]:
    words = [_stem(word) for word in _WORD.findall(text.casefold()) if word not in _FILLERS]
    return Counter([*words, *(f"{a} {b}" for a, b in pairwise(words))])


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=65536)
def _slot(part: str, dim: int) -> tuple[int, float]:
    number = int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest())
    return (number >> 1) % dim, 1.0 if number & 1 else -1.0
