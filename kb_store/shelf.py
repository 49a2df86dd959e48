"""The knowledge base in memory: what the hot path reads, exact and without waiting for a disk."""

import threading
from collections.abc import Iterable, Sequence

import numpy as np

from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible, Vector

IN_USE = frozenset([Status.ACTIVE, Status.SHADOW, Status.CANDIDATE, Status.DISABLED])
"""The vectors of these hints are in memory; those of the others in the index alone."""


class _Group:
    """One tenant's hints of one status, in the order they came.

    What `view` and `ordered` return is never changed, so readers need no lock: new rows go behind
    what was given out, into spare room, and whatever leaves or changes makes a new matrix. Writers
    only note what changed, so that a bulk write costs the next reader one copy.
    """

    def __init__(self, dim: int) -> None:
        self._room: Vector = np.zeros((0, dim), dtype=np.float32)
        self._hints: list[Hint] = []
        self._rows: dict[str, int] = {}
        self._changed: dict[str, tuple[Hint, Vector | None] | None] = {}
        self._view = Eligible(hints=(), vectors=self._room)
        self._ordered: Eligible | None = None

    def put(self, hint: Hint, vector: Vector | None) -> None:
        """Note a hint that came or changed; without a vector it keeps the one it has."""
        waiting = self._changed.get(hint.hint_id)
        if vector is None and waiting is not None:
            vector = waiting[1]
        self._changed[hint.hint_id] = (hint, vector)

    def drop(self, hint_id: str) -> None:
        """Note a hint that left."""
        self._changed[hint_id] = None

    def view(self) -> Eligible:
        """Return all hints as they came."""
        if self._changed:
            self._merge()
            vectors = self._room[: len(self._hints)]
            vectors.setflags(write=False)
            self._view = Eligible(hints=tuple(self._hints), vectors=vectors)
            self._ordered = None
        return self._view

    def ordered(self) -> Eligible:
        """Return all hints by id."""
        view = self.view()
        if self._ordered is None:
            self._ordered = select(view, range(len(view.hints)))
        return self._ordered

    def _merge(self) -> None:
        came = {hint_id: new for hint_id, new in self._changed.items() if new is not None}
        moved = {i for i in self._changed if i not in came or came[i][1] is not None}
        if not moved.isdisjoint(self._rows):
            stay = [row for hint_id, row in self._rows.items() if hint_id not in moved]
            self._hints = [self._hints[row] for row in stay]
            self._room = self._room[stay]
            self._rows = {hint.hint_id: row for row, hint in enumerate(self._hints)}
        new = [(hint, vector) for hint, vector in came.values() if vector is not None]
        needed = len(self._hints) + len(new)
        if needed > len(self._room):
            wider = np.empty((needed + needed // 4, self._room.shape[1]), dtype=np.float32)
            wider[: len(self._hints)] = self._room[: len(self._hints)]
            self._room = wider
        for hint, row in new:
            self._rows[hint.hint_id] = len(self._hints)
            self._room[len(self._hints)] = row
            self._hints.append(hint)
        for hint, _ in came.values():
            self._hints[self._rows[hint.hint_id]] = hint
        self._changed = {}


class Shelf:
    """All hints of all tenants, and the vectors of those in use."""

    def __init__(self, dim: int) -> None:
        """Start empty, for vectors of this length."""
        self._dim = dim
        self._lock = threading.Lock()
        self._hints: dict[str, dict[str, Hint]] = {}
        self._groups: dict[tuple[str, Status], _Group] = {}

    def needs_vector(self, hint: Hint) -> bool:
        """Say whether `put` needs the vector of this hint: it is in use and was not so before."""
        old = self.get(hint.hint_id, tenant=hint.tenant)
        return hint.status in IN_USE and (old is None or old.status is not hint.status)

    def put(self, hint: Hint, vector: Vector | None) -> None:
        """Insert or replace a hint, with its vector (dim,) where `needs_vector` says so."""
        with self._lock:
            mine = self._hints.setdefault(hint.tenant, {})
            old = mine.get(hint.hint_id)
            mine[hint.hint_id] = hint
            if old is not None and old.status is not hint.status and old.status in IN_USE:
                self._groups[hint.tenant, old.status].drop(hint.hint_id)
            if hint.status in IN_USE:
                key = (hint.tenant, hint.status)
                self._groups.setdefault(key, _Group(self._dim)).put(hint, vector)

    def get(self, hint_id: str, *, tenant: str) -> Hint | None:
        """Return one hint of this tenant, or None."""
        with self._lock:
            return self._hints.get(tenant, {}).get(hint_id)

    def hints(self, *, tenant: str, status: Sequence[Status] | None = None) -> list[Hint]:
        """Return this tenant's hints by id, all or those of some statuses."""
        with self._lock:
            mine = list(self._hints.get(tenant, {}).values())
        wanted = None if status is None else set(status)
        return sorted(
            (hint for hint in mine if wanted is None or hint.status in wanted),
            key=lambda hint: hint.hint_id,
        )

    def tenants(self) -> list[str]:
        """Return the tenants that have hints."""
        with self._lock:
            return sorted(self._hints)

    def group(self, status: Status, *, tenant: str) -> Eligible:
        """Return this tenant's hints of one status in use, as they came, with their vectors."""
        with self._lock:
            group = self._groups.get((tenant, status)) or _Group(self._dim)
            return group.view()

    def ordered(self, status: Status, *, tenant: str) -> Eligible:
        """Return the same by id."""
        with self._lock:
            group = self._groups.get((tenant, status)) or _Group(self._dim)
            return group.ordered()

    def near(
        self, vector: Vector, n: int, *, tenant: str, status: Iterable[Status]
    ) -> list[tuple[Hint, float]]:
        """Return up to n hints of these statuses in use with their cosine, best first."""
        found: list[tuple[Hint, float]] = []
        for each in set(status):
            group = self.group(each, tenant=tenant)
            ranked = rank(group.vectors, vector, n)
            found.extend((group.hints[row], score) for row, score in ranked)
        return sorted(found, key=lambda pair: (-pair[1], pair[0].hint_id))[: max(n, 0)]


def rank(vectors: Vector, query: Vector, n: int) -> list[tuple[int, float]]:
    """Return row and cosine of the n rows (rows, dim) nearest to the query (dim,), best first."""
    if n <= 0 or len(vectors) == 0:
        return []
    length = float(np.linalg.norm(query))
    # Not `@`: BLAS would share so small a product among threads, which wait for each other where
    # the machine is busy (p50 of 10,000 rows 32 ms against 0.8 ms).
    unit = (query / length if length > 0 else query).astype(np.float32)
    scores = np.einsum("ij,j->i", vectors, unit)
    best = np.argpartition(-scores, n - 1)[:n] if n < len(scores) else np.arange(len(scores))
    best = best[np.lexsort((best, -scores[best]))]
    return [(int(row), float(scores[row])) for row in best]


def select(eligible: Eligible, rows: Iterable[int]) -> Eligible:
    """Return some rows of `eligible`, by hint id."""
    chosen = sorted(rows, key=lambda row: eligible.hints[row].hint_id)
    vectors = eligible.vectors[chosen]
    vectors.setflags(write=False)
    return Eligible(hints=tuple(eligible.hints[row] for row in chosen), vectors=vectors)
