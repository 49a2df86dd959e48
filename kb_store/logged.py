"""A hint store over an audit log: what is written where, and in which order."""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from re2llm.catalog.encoder import TextEncoder
from re2llm.kb_store.audit import AuditLog
from re2llm.kb_store.entry import Action, Entry, Revision, counted, source_digest
from re2llm.kb_store.errors import IndexUnavailable, UnknownHint
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.index import HintIndex
from re2llm.kb_store.shelf import IN_USE, Shelf, rank, select
from re2llm.kb_store.store import Eligible, Vector

_log = logging.getLogger(__name__)


class LoggedHintStore:
    """Writes to the log first (durable), then to memory, then to the index.

    What the log acknowledged is never lost: the index is compared with it and mended at the next
    start. Reads of active hints come from memory.
    """

    def __init__(
        self,
        log: AuditLog,
        encoder: TextEncoder,
        index: HintIndex,
        *,
        shared: bool = False,
        own_index: bool = True,
    ) -> None:
        """Join a log and its index.

        Args:
            log: the system of record; closed with the store.
            encoder: makes the vectors.
            index: finds hints of any status; must agree with the log already.
            shared: whether other processes write to the same log; then reads look for news first.
            own_index: whether no other process writes to the index; then it needs their news too.
        """
        self.log = log
        self.encoder = encoder
        self._index = index
        self._shared = shared
        self._own_index = own_index
        self._write_lock = threading.RLock()
        self._shelf = Shelf(encoder.dim)
        self._seen = 0
        self._stamp = -1
        self._behind: dict[str, Revision] = {}
        self._process = os.getpid()

    def put(self, hint: Hint, *, by: str, why: str) -> bool:
        """Insert or replace by id; see `HintStore.put`."""
        return self.put_all([hint], by=by, why=why) == 1

    def put_all(self, hints: Sequence[Hint], *, by: str, why: str) -> int:
        """Insert or replace several by id, all or none; see `HintStore.put_all`."""
        for hint in hints:
            if hint.hint_id != hint_id(hint.text, hint.tenant):
                raise ValueError(
                    f"hint id {hint.hint_id!r} does not belong to its text and tenant; make it "
                    "with hint_id(text, tenant)"
                )
        with self._write_lock:
            self._refresh()
            entries: list[Entry] = []
            new = 0
            for hint in {hint.hint_id: hint for hint in hints}.values():
                old = self._shelf.get(hint.hint_id, tenant=hint.tenant)
                if old is None:
                    new += 1
                    entry = _full(Action.PUT, hint, by, why)
                    entry = replace(entry, shown=hint.shown, helped=hint.helped, hurt=hint.hurt)
                else:
                    hint = counted(hint, old.shown, old.helped, old.hurt)
                    if hint == old:
                        continue
                    entry = _full(Action.PUT, hint, by, why)
                entries.append(entry)
            self._commit(entries)
            return new

    def get(self, hint_id: str, *, tenant: str = "default") -> Hint | None:
        """Return one hint of this tenant, or None."""
        self._refresh()
        return self._shelf.get(hint_id, tenant=tenant)

    def hints(
        self, *, tenant: str = "default", status: Sequence[Status] | None = None
    ) -> list[Hint]:
        """Return this tenant's hints by id, all or those of some statuses."""
        self._refresh()
        return self._shelf.hints(tenant=tenant, status=status)

    def tenants(self) -> list[str]:
        """Return the tenants that have hints."""
        self._refresh()
        return self._shelf.tenants()

    def eligible(
        self, *, tenant: str = "default", near: Vector | None = None, limit: int | None = None
    ) -> Eligible:
        """Return active hints by id, all or the `limit` ones nearest to `near` (dim,)."""
        self._refresh()
        active = self._shelf.group(Status.ACTIVE, tenant=tenant)
        if limit is None or limit >= len(active.hints):
            return self._shelf.ordered(Status.ACTIVE, tenant=tenant)
        if near is not None:
            return select(active, (row for row, _ in rank(active.vectors, near, limit)))
        return select(self._shelf.ordered(Status.ACTIVE, tenant=tenant), range(max(limit, 0)))

    def nearest(
        self, text: str, n: int, *, tenant: str = "default", status: Sequence[Status] | None = None
    ) -> list[tuple[Hint, float]]:
        """Return up to n hints nearest in meaning, with cosine similarity, best first.

        Raises:
            IndexUnavailable: retired or refused hints are asked for, and the index that finds them
                does not answer.
        """
        self._refresh()
        vector = self.encoder.encode([text])[0]
        if status is not None and IN_USE.issuperset(status):
            return self._shelf.near(vector, n, tenant=tenant, status=status)
        found: list[tuple[Hint, float]] = []
        for found_id, score in self._index.nearest(vector, n, tenant=tenant, status=status):
            hint = self._shelf.get(found_id, tenant=tenant)
            if hint is not None and (status is None or hint.status in status):
                found.append((hint, score))
        return found

    def set_status(
        self, hint_id: str, status: Status, *, by: str, why: str, tenant: str = "default"
    ) -> Hint:
        """Move a hint in its life, with `why` as its reason; raises `UnknownHint`."""
        with self._write_lock:
            self._refresh()
            old = self._known(hint_id, tenant)
            hint = replace(old, status=status, reason=why)
            if hint != old:
                self._commit([_full(Action.STATUS, hint, by, why)])
            return hint

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
        """Add to a hint's running statistics, once per occasion; see `HintStore.record`."""
        if min(shown, helped, hurt) < 0:
            raise ValueError("statistics only grow: shown, helped and hurt must not be negative")
        with self._write_lock:
            self._refresh()
            self._known(hint_id, tenant)
            entry = Entry(
                action=Action.RECORD,
                tenant=tenant,
                hint_id=hint_id,
                by="statistics",
                why=kind,
                shown=shown,
                helped=helped,
                hurt=hurt,
                source=source_digest(once) if once else "",
            )
            self._commit([entry])

    def support(self, hint_id: str, source: str, *, tenant: str = "default") -> int:
        """Note that a source led to this hint; returns how many distinct ones did."""
        with self._write_lock:
            self._refresh()
            self._known(hint_id, tenant)
            entry = Entry(action=Action.SUPPORT, tenant=tenant, hint_id=hint_id, by="support")
            self._commit([replace(entry, source=source_digest(source))])
            return self.log.supporters(hint_id, tenant=tenant)

    def supporters(self, hint_id: str, *, tenant: str = "default") -> int:
        """Count the distinct sources that led to this hint."""
        return self.log.supporters(hint_id, tenant=tenant)

    def close(self) -> None:
        """Let go of files and locks; a closed store must not be used."""
        with self._write_lock:
            self._index.close()
            self.log.close()

    def _load(
        self, revisions: Sequence[Revision], vectors: Mapping[str, Vector], position: int
    ) -> None:
        """Fill the memory with the log's state at `position`; vectors of hints in use by id."""
        for revision in revisions:
            hint = revision.hint
            self._shelf.put(hint, vectors[hint.hint_id] if hint.status in IN_USE else None)
        self._seen = position

    def _known(self, hint_id: str, tenant: str) -> Hint:
        hint = self._shelf.get(hint_id, tenant=tenant)
        if hint is None:
            raise UnknownHint(hint_id, tenant)
        return hint

    def _refresh(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError(
                "this hint store was opened before a fork; open one in each process instead"
            )
        if self._shared:
            stamp = self.log.position()
            if stamp != self._stamp:
                with self._write_lock:
                    self._apply(self.log.entries(after=self._seen), own=frozenset())
                    self._stamp = stamp

    def _commit(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        written = self.log.append(entries)
        own = frozenset(entry.seq for entry in written)
        # Another process may have written just before: take its entries in the log's order too.
        self._apply(self.log.entries(after=self._seen) if self._shared else written, own=own)

    def _apply(self, entries: Sequence[Entry], *, own: frozenset[int]) -> None:
        for entry in entries:
            self._seen = entry.seq
            old = self._shelf.get(entry.hint_id, tenant=entry.tenant)
            hint = entry.hint or old
            if entry.action is Action.SUPPORT or hint is None:
                continue
            counts = (old.shown, old.helped, old.hurt) if old else (0, 0, 0)
            hint = counted(
                hint, counts[0] + entry.shown, counts[1] + entry.helped, counts[2] + entry.hurt
            )
            new = self._shelf.needs_vector(hint)
            self._shelf.put(hint, self.encoder.encode([hint.text])[0] if new else None)
            if entry.hint is not None and (self._own_index or entry.seq in own):
                self._behind[hint.hint_id] = Revision(hint=hint, seq=entry.seq)
        if self._behind and (own or self._own_index):
            try:
                self._write_behind()
            except IndexUnavailable as error:
                # The log has them: they are tried again with the next write and at the next start.
                _log.warning("the hint index is behind by %d hints: %s", len(self._behind), error)

    def _write_behind(self) -> int:
        revisions = list(self._behind.values())
        if revisions:
            texts = [revision.hint.text for revision in revisions]
            self._index.write(revisions, self.encoder.encode(texts))
            self._behind.clear()
        return len(revisions)


def _full(action: Action, hint: Hint, by: str, why: str) -> Entry:
    return Entry(action=action, tenant=hint.tenant, hint_id=hint.hint_id, by=by, why=why, hint=hint)
