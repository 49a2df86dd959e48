"""How text becomes a vector."""

import logging
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from re2llm.errors import UserError

_log = logging.getLogger(__name__)


class EncoderUnavailable(UserError):
    """What makes the vectors does not answer now; asking again later may help."""


class TextEncoder(Protocol):
    """Turns texts into vectors whose inner product is their similarity."""

    @property
    def identity(self) -> str:
        """Name what made the vectors (kind, version, dimension); two identities do not mix."""

    @property
    def dim(self) -> int:
        """Say how long a vector is."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, dim) rows of length one, or all zero where a text says nothing.

        Raises:
            EncoderUnavailable: it is asked over a network and does not answer.
        """


def encode_or_none(encoder: TextEncoder, text: str) -> NDArray[np.float32] | None:
    """Return a text's (dim,) vector; None where it cannot be had now, which is logged.

    For what can do without: a shopper's request is then read by its words alone.
    """
    try:
        (vector,) = encoder.encode([text])
    except EncoderUnavailable as error:
        _log.warning("%s", error)
        return None
    return np.asarray(vector, dtype=np.float32)


def unit_rows(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return rows of length one; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 1e-9, lengths, 1.0), dtype=np.float32)
