"""The knowledge base in memory: what the hot path reads, exact and without waiting for a disk."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible, Vector

IN_USE = frozenset([Status.ACTIVE, Status.SHADOW, Status.CANDIDATE, Status.DISABLED])
"""The vectors of these hints are in memory; those of the others in the index alone."""


@dataclass(slots=True)
class _Group:
    """One tenant's hints of one status.

    What `view` returns is never changed, only replaced, so readers need no lock. Writers only note
    what changed; the next reader copies the matrix once, however much was written.
    """

    dim: int
    rows: dict[str, int] = field(default_factory=dict)
    """Row of each hint id, in order."""
    held: Eligible | None = None
    changed: dict[str, tuple[Hint, Vector | None] | None] = field(default_factory=dict)
    """Hints that came or changed, with a vector where that is new; None for those that left."""

    def put(self, hint: Hint, vector: Vector | None) -> None:
        waiting = self.changed.get(hint.hint_id)
        if vector is None and waiting is not None:
            vector = waiting[1]
        self.changed[hint.hint_id] = (hint, vector)

    def drop(self, hint_id: str) -> None:
        self.changed[hint_id] = None

    def view(self) -> Eligible:
        held = self.held or Eligible(hints=(), vectors=np.zeros((0, self.dim), dtype=np.float32))
        if self.changed:
            held = self._merged(held)
            self.changed = {}
        self.held = held
        return held

    def _merged(self, old: Eligible) -> Eligible:
        came = {hint_id: new for hint_id, new in self.changed.items() if new is not None}
        if len(came) == len(self.changed) and all(vector is None for _, vector in came.values()):
            hints = list(old.hints)
            for hint_id, (hint, _) in came.items():
                hints[self.rows[hint_id]] = hint
            return Eligible(hints=tuple(hints), vectors=old.vectors)
        stay = [hint_id for hint_id in self.rows if hint_id not in self.changed]
        ids = sorted([*stay, *sorted(came)])
        before = np.fromiter((self.rows.get(i, -1) for i in ids), dtype=np.intp, count=len(ids))
        vectors = np.empty((len(ids), self.dim), dtype=np.float32)
        vectors[before >= 0] = old.vectors[before[before >= 0]]
        hints = [came[i][0] if i in came else old.hints[self.rows[i]] for i in ids]
        self.rows = {hint_id: row for row, hint_id in enumerate(ids)}
        for hint_id, (_, vector) in came.items():
            if vector is not None:
                vectors[self.rows[hint_id]] = vector
        vectors.setflags(write=False)
        return Eligible(hints=tuple(hints), vectors=vectors)


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
        """Return this tenant's hints of one status in use, by id, with their vectors."""
        with self._lock:
            group = self._groups.get((tenant, status)) or _Group(self._dim)
            return group.view()

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
    scores = vectors @ (query / length if length > 0 else query).astype(np.float32)
    best = np.argpartition(-scores, n - 1)[:n] if n < len(scores) else np.arange(len(scores))
    best = best[np.lexsort((best, -scores[best]))]
    return [(int(row), float(scores[row])) for row in best]


def select(eligible: Eligible, rows: Iterable[int]) -> Eligible:
    """Return some rows of `eligible`, in their order."""
    chosen = sorted(rows)
    return Eligible(
        hints=tuple(eligible.hints[row] for row in chosen), vectors=eligible.vectors[chosen]
    )
