"""Which items read alike: their texts' vectors, searched near a few points."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.retrieve.additions import Places
from re2llm.catalog.retrieve.sparse import Ids, offsets_of, spread

_EXACT = 4096
"""Up to so many items all are compared."""
_ROUNDS = 4
_PROBED = 6
"""Cells that are looked into per point."""


@dataclass(frozen=True, slots=True)
class MoreVectors:
    """Vectors of some items, (rows, dim)."""

    places: Places
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """Vectors in cells around centres (an inverted file, Jegou et al., 2011).

    Attributes:
        vectors: (items, dim) rows of length one or zero.
        centres: (cells, dim).
        cell_offsets: (cells + 1,) where a cell starts in `members`.
        members: (items,) catalogue positions by cell.
        more: what came after the index was built.
    """

    vectors: NDArray[np.float32]
    centres: NDArray[np.float32]
    cell_offsets: NDArray[np.int64]
    members: NDArray[np.int32]
    more: MoreVectors | None = None

    @classmethod
    def build(cls, vectors: NDArray[np.float32]) -> "VectorIndex":
        """Put vectors into about as many cells as the root of their number."""
        n = len(vectors)
        cells = int(n**0.5) if n > _EXACT else 1
        draws = np.random.default_rng(0)
        sample = vectors[np.sort(draws.choice(n, size=min(n, 40 * cells), replace=False))]
        centres = (
            sample[np.linspace(0, max(len(sample) - 1, 0), cells).astype(int)]
            if n
            else (np.zeros((1, vectors.shape[1]), dtype=np.float32))
        )
        for _ in range(_ROUNDS if cells > 1 else 0):
            nearest = _nearest(sample, centres)
            sums = np.zeros_like(centres)
            np.add.at(sums, nearest, sample)
            lengths = np.linalg.norm(sums, axis=1, keepdims=True)
            centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-9), centres)
        nearest = _nearest(vectors, centres)
        return cls(
            vectors=np.ascontiguousarray(vectors, dtype=np.float32),
            centres=np.ascontiguousarray(centres, dtype=np.float32),
            cell_offsets=offsets_of(nearest, cells),
            members=np.argsort(nearest, kind="stable").astype(np.int32),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "more"}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "VectorIndex":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    def adding(self, places: Places, vectors: NDArray[np.float32]) -> "VectorIndex":
        """Return the same with other vectors for some items."""
        return replace(self, more=MoreVectors(places, vectors))

    def of_items(self, items: Ids) -> NDArray[np.float32]:
        """Return the vectors of these items, zero where there is none."""
        if self.more is None and (not len(items) or items.max() < len(self.vectors)):
            return self.vectors[items]
        found = np.zeros((len(items), self.vectors.shape[1]), dtype=np.float32)
        inside = items < len(self.vectors)
        found[inside] = self.vectors[items[inside]]
        if self.more is not None:
            rows = self.more.places.rows(items)
            found[rows >= 0] = self.more.vectors[rows[rows >= 0]]
        return found

    def near(self, points: NDArray[np.float32], n: int) -> Ids:
        """Return about the n items nearest to any of the points, (points, dim), in no order."""
        probed = min(_PROBED, len(self.centres))
        cells = np.argpartition(-(points @ self.centres.T), probed - 1, axis=1)[:, :probed]
        places, _ = spread(self.cell_offsets, np.unique(cells))
        members = self.members[places].astype(np.int64)
        if self.more is not None:
            members = np.union1d(members, self.more.places.at)
        if len(members) <= n:
            return members
        closeness = (self.of_items(members) @ points.T).max(axis=1)
        return members[np.argpartition(-closeness, n - 1)[:n]]


def _nearest(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    step = max(1, 4_000_000 // max(len(centres), 1))
    parts = [
        (vectors[start : start + step] @ centres.T).argmax(axis=1)
        for start in range(0, len(vectors), step)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
