"""Which items are looked at: those that any source would name, and that meet the limits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.asked import Asked
from re2llm.catalog.retrieve.sides import ItemSide, LogSide
from re2llm.catalog.retrieve.sparse import Ids, distinct

NAMED = 100
"""Items that each source may name, at least; half as many again as are wanted, if that is more."""
LATEST = 3
"""Latest items whose neighbourhoods among vectors are looked into."""
ALL = 1000
"""A catalogue of no more items is looked at whole."""
FEW = 5000
"""Where no more items than this meet a filter, all of them are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Names items."""

    items: ItemSide
    log: LogSide
    models: Sequence[SequenceModel]

    def of(self, asked: Asked, n: int) -> Ids:
        """Return the positions that are looked at to find n items, ascending."""
        limits, every = asked.limits, None
        if self.items.total <= max(ALL, n):
            return limits.meet(np.arange(self.items.total))
        if limits.narrow:
            every = limits.listed()
            if every is not None and len(every) <= max(FEW, n):
                return every
        # Half as wide numbers are sorted in half the time.
        named = np.concatenate(
            self._named(asked, max(NAMED, 3 * n // 2)), dtype=np.int32, casting="unsafe"
        )
        pool = limits.meet(distinct(named).astype(np.int64))
        return pool if len(pool) >= n else self._filled(pool, asked, every, n)

    def _named(self, asked: Asked, size: int) -> list[NDArray[np.integer]]:
        popularity = self.log.popularity
        named: list[NDArray[np.integer]] = [
            asked.votes.best(size),
            asked.partners.best(size),
            popularity.order[: size // 2],
        ]
        if popularity.more is not None:
            named.append(popularity.more.ids)
        if len(asked.recent):
            total = asked.fade.sum()
            for index, own in ((self.items.vectors, asked.read), (self.log.meanings, asked.meant)):
                points = np.empty((2, own.shape[1]), dtype=np.float32)
                points[0], points[1] = asked.fade @ own / total, own[0]
                named.append(index.around(asked.recent[:LATEST], points, size))
            named.append(self.items.titles.search(asked.words).best(size))
            named.append(self.items.attributes.labels.search(asked.labels).best(size))
        for model, point in zip(self.models, asked.points, strict=True):
            if point is not None:
                named.append(model.best(point, size))
        if len(asked.wished.ids):
            named.append(self.items.labels.search(asked.wished).best(2 * size))
        if asked.wish_vector is not None:
            named.append(self.items.vectors.near(asked.wish_vector[None, :], size))
        return named

    def _filled(self, pool: Ids, asked: Asked, every: Ids | None, n: int) -> Ids:
        """Fill up with what is popular and meets the limits: of all that do, where they are known.

        Args:
            pool: too few items.
            asked: for the limits.
            every: all items that meet the limits, None where they are not listed.
            n: how many there should be.
        """
        popularity = self.log.popularity
        if every is not None:
            best = np.lexsort((every, -popularity.of_items(every)))[: 2 * n]
            return np.union1d(pool, every[best])
        for popular in popularity.walk(max(NAMED, 3 * n // 2), self.items.total):
            pool = np.union1d(pool, asked.limits.meet(popular))
            if len(pool) >= 2 * n:
                break
        return pool
