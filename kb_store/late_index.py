"""An index on a server that may be away, even at the start; it is reached when it can be."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from re2llm.kb_store.chroma_index import ChromaIndex
from re2llm.kb_store.entry import Revision
from re2llm.kb_store.errors import IndexUnavailable
from re2llm.kb_store.hint import Status
from re2llm.kb_store.store import Vector

_T = TypeVar("_T")
REST = 2.0
"""Seconds for which a server that did not answer is not asked again, so that nobody waits for it
in turn."""


class LateIndex:
    """A `ChromaIndex` that is opened by the first who needs it, and again after it failed.

    Every method raises `IndexUnavailable` where the server does not answer.
    """

    def __init__(
        self,
        open_index: Callable[[], ChromaIndex],
        *,
        rest: float = REST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open nothing yet; `rest` is 0 for an index that is no server."""
        self._open = open_index
        self._rest = rest
        self._clock = clock
        self._index: ChromaIndex | None = None
        self._away_until = 0.0

    def clear(self) -> None:
        """Start over with an empty collection."""
        self._try(lambda index: index.clear())

    def strangers(self) -> int:
        """Count the hints that the same Chroma holds of other records."""
        return self._try(lambda index: index.strangers())

    def revisions(self) -> dict[str, int]:
        """Return hint id to the log entry that the index holds of it."""
        return self._try(lambda index: index.revisions())

    def vectors(self, ids: Sequence[str]) -> dict[str, Vector]:
        """Return hint id to vector (dim,) of those of these ids that the index holds."""
        return self._try(lambda index: index.vectors(ids))

    def write(self, revisions: Sequence[Revision], vectors: Vector) -> None:
        """Insert or replace hints with their vectors (hints, dim)."""
        self._try(lambda index: index.write(revisions, vectors))

    def remove(self, ids: Sequence[str]) -> None:
        """Take ids out that the log does not know."""
        self._try(lambda index: index.remove(ids))

    def nearest(
        self, vector: Vector, n: int, *, tenant: str, status: Sequence[Status] | None
    ) -> list[tuple[str, float]]:
        """Return id and cosine of up to n hints, best first."""
        return self._try(lambda index: index.nearest(vector, n, tenant=tenant, status=status))

    def again(self) -> None:
        """Let go of what failed, and ask at once the next time."""
        self.close()
        self._away_until = 0.0

    def close(self) -> None:
        """Let go of the client."""
        index, self._index = self._index, None
        if index is not None:
            index.close()

    def _try(self, work: Callable[[ChromaIndex], _T]) -> _T:
        if self._clock() < self._away_until:
            raise IndexUnavailable("Chroma did not answer a moment ago")
        try:
            if self._index is None:
                self._index = self._open()
            return work(self._index)
        except IndexUnavailable:
            if self._rest:
                self._away_until = self._clock() + self._rest
                with suppress(IndexUnavailable, OSError):
                    self.close()
            raise
