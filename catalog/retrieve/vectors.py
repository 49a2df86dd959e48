"""Which items read alike: their texts' vectors, searched near a few points."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.retrieve.additions import Places
from re2llm.catalog.retrieve.sparse import Ids, offsets_of

Floats = NDArray[np.float32]

_EXACT = 1024
"""Up to so many items all are compared."""
_ROUNDS = 4
_LOOKED_AT = 300
"""Vectors that are compared per point, about, where there are more than enough."""
_CELLS = 2
"""Cells that are looked into per point, at least."""
_SAMPLE = 30
"""Vectors per cell that centres are learnt from."""
_LEVELS = 127.0


@dataclass(frozen=True, slots=True)
class MoreVectors:
    """Vectors of some items, (rows, dim)."""

    places: Places
    vectors: Floats


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """Vectors in cells around centres (an inverted file, Jegou et al., 2011), a byte per number.

    Those of a cell lie together, so that looking into it reads memory in one go.

    Attributes:
        levels: (items, dim) by cell; a number is its level times the scale of its row.
        scales: (items,) by cell.
        members: (items,) catalogue positions by cell.
        rows: (items,) where each position is among these.
        centres: (cells, dim).
        cell_offsets: (cells + 1,) where a cell starts.
        more: what came after the index was built.
    """

    levels: NDArray[np.int8]
    scales: Floats
    members: NDArray[np.int32]
    rows: NDArray[np.int32]
    centres: Floats
    cell_offsets: NDArray[np.int64]
    more: MoreVectors | None = None

    @classmethod
    def build(cls, parts: Iterable[Floats], dim: int) -> "VectorIndex":
        """Put vectors, rows of length one or zero, into cells.

        Args:
            parts: (some, dim) of them at a time, so that no more than that need be in memory.
            dim: how long they are.
        """
        levels, scales = [np.zeros((0, dim), dtype=np.int8)], [np.zeros(0, dtype=np.float32)]
        for part in parts:
            scale = np.abs(part).max(axis=1, initial=0) / np.float32(_LEVELS)
            levels.append(np.rint(part / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8))
            scales.append(scale.astype(np.float32))
        held = _Levels(np.concatenate(levels), np.concatenate(scales))
        del levels, scales
        nearest, centres = _parted(held, *_cells(held))
        members = nearest.argsort(kind="stable").astype(np.int32)
        rows = np.empty(len(members), dtype=np.int32)
        rows[members] = np.arange(len(members), dtype=np.int32)
        return cls(
            levels=held.levels[members],
            scales=held.scales[members],
            members=members,
            rows=rows,
            centres=centres,
            cell_offsets=offsets_of(nearest, len(centres)),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "more"}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "VectorIndex":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    @property
    def size(self) -> int:
        """Return how many items the index holds, without later ones."""
        return len(self.rows)

    def adding(self, places: Places, vectors: Floats) -> "VectorIndex":
        """Return the same with other vectors for some items."""
        return replace(self, more=MoreVectors(places, vectors))

    def of_items(self, items: Ids) -> Floats:
        """Return the vectors of these items, zero where there is none."""
        if self.more is None:
            rows = self.rows.take(items)
            return self.levels.take(rows, axis=0) * self.scales.take(rows)[:, None]
        found = np.zeros((len(items), self.levels.shape[1]), dtype=np.float32)
        inside = items < self.size
        rows = self.rows[items[inside]]
        found[inside] = self.levels[rows] * self.scales[rows, None]
        own = self.more.places.rows(items)
        found[own >= 0] = self.more.vectors[own[own >= 0]]
        return found

    def closeness(self, items: Ids, points: Floats) -> Floats:
        """Return the inner products of these items' vectors and the points, (points, items)."""
        if self.more is None:
            rows = self.rows.take(items)
            found = _products(self.levels.take(rows, axis=0), points).T.copy()
            found *= self.scales.take(rows)
            return found
        return points @ self.of_items(items).T

    def near(self, points: Floats, n: int) -> Ids:
        """Return about the n items nearest to any of the points, (points, dim), in no order."""
        cells = len(self.centres)
        probed = min(cells, max(_CELLS, _LOOKED_AT * cells // max(self.size, 1)))
        near = np.ascontiguousarray((self.centres @ points.T).T)
        chosen = near.argpartition(cells - probed, axis=1)[:, -probed:]
        return self._best(self._parts(chosen.ravel()), points, n)

    def around(self, items: Ids, points: Floats, n: int) -> Ids:
        """Return about the n items nearest to the points among those that lie where these do.

        Args:
            items: whose cells are looked into; those nearest to the points where they hold less.
            points: (points, dim).
            n: how many, in no order.
        """
        old = items[items < self.size]
        if self.more is not None:
            old = self.more.places.old(old)
        parts = self._parts(self.cell_offsets.searchsorted(self.rows.take(old), "right") - 1)
        held = sum(part.stop - part.start for part in parts)
        return self._best(parts, points, n) if held >= n else self.near(points, n)

    def _parts(self, cells: Ids) -> list[slice]:
        """Return where these cells lie, each once."""
        few = sorted(set(cells.tolist()))
        firsts, lasts = self.cell_offsets[few].tolist(), self.cell_offsets[1:][few].tolist()
        return [slice(first, last) for first, last in zip(firsts, lasts, strict=True)]

    def _best(self, parts: Sequence[slice], points: Floats, n: int) -> Ids:
        found = np.concatenate([self.members[part] for part in parts], dtype=np.int64)
        levels = np.concatenate([self.levels[part] for part in parts])
        # The nearest of the points is the same before a row's scale and after it.
        close = _products(levels, points).T.max(axis=0)
        close *= np.concatenate([self.scales[part] for part in parts])
        if self.more is not None:
            places = self.more.places
            old = places.rows(found) < 0
            later = (points @ self.more.vectors.T).max(axis=0)
            found = np.concatenate([found[old], places.at])
            close = np.concatenate([close[old], later])
        return found if len(found) <= n else found[close.argpartition(len(found) - n)[-n:]]


def _products(levels: NDArray[np.int8], points: Floats) -> Floats:
    """Return the inner products of levels and points, (levels, points)."""
    # Of the ways to multiply these this one takes a tenth of the time of points @ levels.T.
    found: Floats = levels.astype(np.float32) @ np.ascontiguousarray(points.T)
    return found


@dataclass(frozen=True, slots=True)
class _Levels:
    """Vectors as `VectorIndex` keeps them, in any order."""

    levels: NDArray[np.int8]
    scales: Floats

    def __len__(self) -> int:
        """Count the vectors."""
        return len(self.scales)

    def some(self, which: Ids | slice) -> Floats:
        """Return some of the vectors."""
        return self.levels[which] * self.scales[which, None]


def _cells(vectors: _Levels) -> tuple[NDArray[np.int64], Floats]:
    """Find about as many cells as the root of the number of vectors, by k-means.

    Returns:
        The cell of each vector, and the centres.
    """
    n = len(vectors)
    cells = int(n**0.5) if n > _EXACT else 1
    if cells == 1:
        return np.zeros(n, dtype=np.int64), np.zeros((1, vectors.levels.shape[1]), np.float32)
    draws = np.random.default_rng(0)
    places = np.sort(draws.choice(n, size=min(n, _SAMPLE * cells), replace=False))
    centres = vectors.some(places[np.linspace(0, len(places) - 1, cells).astype(int)])
    sample = _Levels(vectors.levels[places], vectors.scales[places])
    for _ in range(_ROUNDS):
        nearest = _nearest(sample, centres)
        order = nearest.argsort(kind="stable")
        held, starts = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(sample.some(order), starts)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres[held] = np.where(lengths > 0, sums / np.maximum(lengths, 1e-9), centres[held])
    return _nearest(vectors, centres), centres


def _parted(
    vectors: _Levels, nearest: NDArray[np.int64], centres: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """Part cells that are too large along the direction in which their vectors differ most.

    So that what a request costs does not depend on how the vectors happen to lie.
    """
    most = max(_LOOKED_AT, int(0.4 * len(vectors) ** 0.5))
    parted, made, count = nearest.copy(), [centres], len(centres)
    sizes = np.bincount(nearest, minlength=len(centres))
    for cell in np.flatnonzero(sizes > most).tolist() if len(centres) > 1 else ():
        members = np.flatnonzero(nearest == cell)
        own = vectors.some(members)
        widest = int(own.var(axis=0).argmax())
        pieces = np.array_split(own[:, widest].argsort(kind="stable"), -(-len(members) // most))
        middles = np.array([own[piece].mean(axis=0) for piece in pieces])
        lengths = np.linalg.norm(middles, axis=1, keepdims=True)
        middles /= np.maximum(lengths, 1e-9)
        made[0][cell] = middles[0]
        made.append(middles[1:])
        for number, piece in enumerate(pieces[1:]):
            parted[members[piece]] = count + number
        count += len(pieces) - 1
    return parted, np.concatenate(made).astype(np.float32)


def _nearest(vectors: _Levels, centres: Floats) -> NDArray[np.int64]:
    step = max(1, 4_000_000 // len(centres))
    found = np.zeros(len(vectors), dtype=np.int64)
    for start in range(0, len(vectors), step):
        part = slice(start, start + step)
        # The scale of a vector is one factor for all centres: it decides nothing.
        found[part] = (vectors.levels[part].astype(np.float32) @ centres.T).argmax(axis=1)
    return found
