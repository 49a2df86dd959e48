"""What an index of hints can do; which one it is, is the store's business."""

from collections.abc import Sequence
from typing import Protocol

from re2llm.kb_store.entry import Revision
from re2llm.kb_store.hint import Status
from re2llm.kb_store.store import Vector


class HintIndex(Protocol):
    """Keeps vectors on disk and finds the nearest; rebuildable from the log at any time."""

    def write(self, revisions: Sequence[Revision], vectors: Vector) -> None:
        """Insert or replace hints with their vectors (hints, dim)."""

    def nearest(
        self, vector: Vector, n: int, *, tenant: str, status: Sequence[Status] | None
    ) -> list[tuple[str, float]]:
        """Return id and cosine of up to n hints, best first."""

    def close(self) -> None:
        """Let go of files."""
