"""What the knowledge base's tests build with."""

import re
import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from re2llm.kb_store.hint import Hint, Status, hint_id


@cache
def direction(word: str, dim: int) -> NDArray[np.float64]:
    """The fixed random direction of a word."""
    return np.random.default_rng(zlib.crc32(word.encode())).normal(size=dim)


class WordEncoder:
    """Adds up one fixed random direction per word: shared words make texts similar."""

    dim = 48

    def __init__(self, identity: str = "words-48") -> None:
        self.identity = identity
        self.encoded = 0

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += len(texts)
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.casefold()):
                row += direction(word, self.dim)
            length = np.linalg.norm(row)
            if length > 0:
                row /= length
        return rows


def make(
    text: str, status: Status = Status.ACTIVE, tenant: str = "default", **more: object
) -> Hint:
    """A hint with the right id."""
    return Hint(hint_id=hint_id(text, tenant), text=text, status=status, tenant=tenant, **more)  # type: ignore[arg-type]
