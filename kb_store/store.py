"""What every hint store can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from re2llm.kb_store.errors import UnknownHint
from re2llm.kb_store.hint import Hint, Status

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """The hints a policy may choose from, each with its embedding.

    Attributes:
        hints: in a stable order (by id).
        vectors: (hints, dim) float32, rows of length one.
    """

    hints: tuple[Hint, ...]
    vectors: Vector


class HintStore(Protocol):
    """The knowledge base. Blocking; call it off the event loop. Safe from several threads."""

    def put(self, hint: Hint, *, by: str, why: str) -> bool:
        """Insert or replace by id, durably, with an audit entry. True if the id was new.

        The running statistics of a hint that is there already stay: only `record` changes them. A
        hint put as it already is leaves no trace.

        Raises:
            ValueError: the id is not `hint_id(text, tenant)`, or a field cannot be stored.
        """

    def put_all(self, hints: Sequence[Hint], *, by: str, why: str) -> int:
        """Do the same for several hints, all or none; returns how many ids were new."""

    def get(self, hint_id: str, *, tenant: str = "default") -> Hint | None:
        """Return one hint of this tenant, or None."""

    def hints(
        self, *, tenant: str = "default", status: Sequence[Status] | None = None
    ) -> list[Hint]:
        """Return this tenant's hints by id, all or those of some statuses."""

    def eligible(
        self, *, tenant: str = "default", near: Vector | None = None, limit: int | None = None
    ) -> Eligible:
        """Return active hints, all or the `limit` ones nearest to the vector `near` (dim,)."""

    def nearest(
        self, text: str, n: int, *, tenant: str = "default", status: Sequence[Status] | None = None
    ) -> list[tuple[Hint, float]]:
        """Return up to n hints nearest in meaning, with cosine similarity, best first."""

    def set_status(
        self, hint_id: str, status: Status, *, by: str, why: str, tenant: str = "default"
    ) -> Hint:
        """Move a hint in its life; raises `UnknownHint` where the tenant has none of this id."""

    def record(
        self,
        hint_id: str,
        *,
        shown: int = 0,
        helped: int = 0,
        hurt: int = 0,
        kind: str = "",
        tenant: str = "default",
        once: str = "",
    ) -> None:
        """Add to a hint's running statistics, noting in what kind of session; `UnknownHint`.

        `once` names the occasion: what was recorded of this hint under the same name stays as it
        is. Without a name everything counts.
        """

    def support(self, hint_id: str, source: str, *, tenant: str = "default") -> int:
        """Note that an independent source led to this hint; returns how many distinct ones did.

        Raises:
            UnknownHint: the tenant has none of this id.
        """

    def supporters(self, hint_id: str, *, tenant: str = "default") -> int:
        """Count the distinct sources that led to this hint; 0 where there is none of this id."""

    def close(self) -> None:
        """Let go of files and locks."""


def known_hint(store: HintStore, name: str, tenant: str) -> Hint:
    """Return a hint that must be there; raises `UnknownHint`."""
    hint = store.get(name, tenant=tenant)
    if hint is None:
        raise UnknownHint(name, tenant)
    return hint
