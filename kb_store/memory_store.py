"""A knowledge base that lives as long as the process: for tests, trials and embedding."""

from collections.abc import Sequence

import numpy as np

from re2llm.catalog.encoder import TextEncoder
from re2llm.kb_store.audit import AuditLog
from re2llm.kb_store.entry import Revision
from re2llm.kb_store.hint import Status
from re2llm.kb_store.logged import LoggedHintStore
from re2llm.kb_store.shelf import rank
from re2llm.kb_store.store import Vector


class MemoryIndex:
    """Exact search over a dictionary."""

    def __init__(self) -> None:
        """Start empty."""
        self._rows: dict[str, tuple[Revision, Vector]] = {}

    def write(self, revisions: Sequence[Revision], vectors: Vector) -> None:
        """Insert or replace hints with their vectors (hints, dim)."""
        changed = {
            revision.hint.hint_id: (revision, vector)
            for revision, vector in zip(revisions, vectors, strict=True)
        }
        self._rows = {**self._rows, **changed}

    def nearest(
        self, vector: Vector, n: int, *, tenant: str, status: Sequence[Status] | None
    ) -> list[tuple[str, float]]:
        """Return id and cosine of up to n hints, best first."""
        rows = [
            (revision.hint.hint_id, row)
            for revision, row in self._rows.values()
            if revision.hint.tenant == tenant and (status is None or revision.hint.status in status)
        ]
        if not rows:
            return []
        matrix = np.stack([row for _, row in rows])
        return [(rows[row][0], score) for row, score in rank(matrix, vector, n)]

    def close(self) -> None:
        """Do nothing: there are no files."""


class MemoryHintStore(LoggedHintStore):
    """A `HintStore` in memory, with the same log, history and rules as the lasting one."""

    def __init__(self, encoder: TextEncoder) -> None:
        """Start empty."""
        super().__init__(AuditLog(None), encoder, MemoryIndex())
