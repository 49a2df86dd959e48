"""The knowledge base in memory: what the hot path reads, exact and without waiting for a disk."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible, Vector


@dataclass(frozen=True, slots=True)
class _Active:
    """A tenant's active hints by id; never changed, only replaced, so readers need no lock."""

    eligible: Eligible
    rows: dict[str, int]
    """Row of each hint id."""


class Shelf:
    """All hints of all tenants, and the vectors of the active ones.

    Writers only note what changed; the next reader merges it into a new matrix, so that a bulk
    write copies the matrix once.
    """

    def __init__(self, dim: int) -> None:
        """Start empty, for vectors of this length."""
        self._dim = dim
        self._lock = threading.Lock()
        self._hints: dict[str, dict[str, Hint]] = {}
        self._active: dict[str, _Active] = {}
        self._changed: dict[str, dict[str, Vector | None]] = {}

    def put(self, hint: Hint, vector: Vector | None) -> None:
        """Insert or replace a hint; an active one needs its vector (dim,) unless it had one."""
        with self._lock:
            self._hints.setdefault(hint.tenant, {})[hint.hint_id] = hint
            changed = self._changed.setdefault(hint.tenant, {})
            if vector is not None or hint.hint_id not in changed:
                changed[hint.hint_id] = vector

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

    def active(self, *, tenant: str) -> Eligible:
        """Return this tenant's active hints by id."""
        with self._lock:
            return self._merged(tenant).eligible

    def near(self, vector: Vector, n: int, *, tenant: str) -> list[tuple[int, float]]:
        """Return positions in `active` and cosine of the n nearest, best first, ties by id."""
        return rank(self.active(tenant=tenant).vectors, vector, n)

    def _merged(self, tenant: str) -> _Active:
        old = self._active.get(tenant)
        changed = self._changed.pop(tenant, None)
        if old is None:
            empty = np.zeros((0, self._dim), dtype=np.float32)
            old = _Active(Eligible(hints=(), vectors=empty), {})
        if not changed:
            return old
        mine = self._hints[tenant]
        here = {hint_id for hint_id in changed if mine[hint_id].status is Status.ACTIVE}
        fresh = {i: v for i, v in changed.items() if v is not None and i in here}
        if not fresh and here == changed.keys() & old.rows.keys():
            hints = list(old.eligible.hints)
            for hint_id in here:
                hints[old.rows[hint_id]] = mine[hint_id]
            merged = _Active(Eligible(hints=tuple(hints), vectors=old.eligible.vectors), old.rows)
        else:
            merged = self._rebuilt(old, mine, fresh, (old.rows.keys() - changed.keys()) | here)
        self._active[tenant] = merged
        return merged

    def _rebuilt(
        self, old: _Active, mine: Mapping[str, Hint], fresh: Mapping[str, Vector], ids: set[str]
    ) -> _Active:
        rows = {hint_id: row for row, hint_id in enumerate(sorted(ids))}
        kept = [hint_id for hint_id in rows if hint_id not in fresh]
        vectors = np.empty((len(rows), self._dim), dtype=np.float32)
        vectors[[rows[i] for i in kept]] = old.eligible.vectors[[old.rows[i] for i in kept]]
        for hint_id, vector in fresh.items():
            vectors[rows[hint_id]] = vector
        vectors.setflags(write=False)
        return _Active(Eligible(hints=tuple(mine[i] for i in rows), vectors=vectors), rows)


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
