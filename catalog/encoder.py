"""How text becomes a vector."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TextEncoder(Protocol):
    """Turns texts into vectors whose inner product is their similarity."""

    @property
    def identity(self) -> str:
        """Name what made the vectors (kind, version, dimension); two identities do not mix."""

    @property
    def dim(self) -> int:
        """Say how long a vector is."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, dim) rows of length one, or all zero where a text says nothing."""
