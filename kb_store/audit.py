"""The audit log: the system of record for what every hint is and how it came to be that."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from re2llm.database import DatabaseUnavailable, Value, open_database, where_kept
from re2llm.errors import UserError
from re2llm.kb_store import codec
from re2llm.kb_store.audit_tables import SCHEMA, STAYS, STAYS_IN_POSTGRES
from re2llm.kb_store.entry import Action, Entry, Key, Revision, Snapshot, Tally, counted
from re2llm.kb_store.errors import DamagedLog
from re2llm.kb_store.hint import Hint, hint_id

_WRITTEN = "at, action, tenant, hint_id, by_whom, why, hint, shown, helped, hurt, source"
_COLUMNS = f"seq, {_WRITTEN}"
_SUMS = ", ".join(f"CAST(SUM({name}) AS BIGINT) AS {name}" for name in ("shown", "helped", "hurt"))


class AuditLog:
    """An append-only log in a SQLite file or in Postgres; an acknowledged entry survives a crash.

    Safe from several threads, and from several processes.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        url: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open or create the log.

        Args:
            path: of the SQLite file; without one it lives in memory.
            url: of a Postgres, in place of the file.
            clock: tells seconds since 1970.

        Raises:
            UserError: the file is no audit log or cannot be written, or Postgres does not answer.
        """
        self._clock = clock
        try:
            schema = SCHEMA + (STAYS_IN_POSTGRES if url else STAYS)
            self._db = open_database(path, schema, url=url)
            self._db.write(
                "INSERT INTO about VALUES ('id', ?) ON CONFLICT DO NOTHING", (uuid.uuid4().hex,)
            )
        except DatabaseUnavailable as error:
            raise UserError(
                f"cannot open the hints' audit log in {where_kept(path, url)} ({error}); check "
                "that it can be reached and written, or restore it from a backup"
            ) from error

    @property
    def identity(self) -> str:
        """Name this log; made at random when it was created."""
        return str(self._db.read("SELECT value FROM about WHERE key = 'id'")[0][0])

    def append(self, entries: Iterable[Entry]) -> list[Entry]:
        """Write entries in one transaction, all or none, durably.

        A record for an occasion that the hint has a record for already is left out.

        Returns:
            The written entries with their numbers and times.

        Raises:
            ValueError: a hint that could not be read back.
            DatabaseUnavailable: nothing was written; the same may be written later.
        """
        rows = [(entry, codec.dump(entry.hint) if entry.hint else None) for entry in entries]
        written: list[Entry] = []
        with self._transaction():
            at = self._clock()
            for entry, hint in rows:
                kept = self._db.read(
                    f"INSERT INTO entries ({_WRITTEN}) VALUES (?{', ?' * 10})"
                    " ON CONFLICT DO NOTHING RETURNING seq",
                    (at, entry.action, entry.tenant, entry.hint_id, entry.by, entry.why, hint)  # noqa: RUF005
                    + (entry.shown, entry.helped, entry.hurt, entry.source),
                )
                if kept:
                    written.append(replace(entry, seq=int(kept[0][0]), at=at))
        return written

    def position(self) -> int:
        """Return the number of the last entry; 0 for an empty log."""
        return int(self._db.read("SELECT COALESCE(MAX(seq), 0) FROM entries")[0][0])

    def entries(
        self,
        *,
        tenant: str | None = None,
        hint_id: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """Return entries in the order they were written; with a limit, the last ones.

        Raises:
            DamagedLog: an entry cannot be read.
        """
        where: list[str] = ["seq > ?"]
        values: list[Value] = [after]
        if before is not None:
            where.append("seq < ?")
            values.append(before)
        for column, value in (("tenant", tenant), ("hint_id", hint_id)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        sql = f"SELECT {_COLUMNS} FROM entries WHERE {' AND '.join(where)} ORDER BY seq DESC"
        if limit is not None:
            sql += " LIMIT ?"
            values.append(limit)
        rows = self._db.read(sql, values)
        return [_entry(row) for row in reversed(rows)]

    def state(self, *, at: int | None = None) -> dict[Key, Revision]:
        """Derive every hint as it stood after entry `at`, or as it stands now.

        The words are those of the last entry that holds the hint in full; the statistics are the
        sum over all its entries, so that writers who do not know of each other lose no count.

        Raises:
            DamagedLog: an entry cannot be read, or holds another hint than it says.
        """
        end = self.position() if at is None else at
        sql = (
            "SELECT e.tenant, e.hint_id, e.seq, e.hint, s.shown, s.helped, s.hurt FROM entries e"
            f" JOIN (SELECT MAX(CASE WHEN hint IS NOT NULL THEN seq END) AS seq, {_SUMS}"
            " FROM entries WHERE seq <= ? GROUP BY tenant, hint_id) s ON e.seq = s.seq"
        )
        rows = self._db.read(sql, (end,))
        found: dict[Key, Revision] = {}
        for tenant, name, seq, text, shown, helped, hurt in rows:
            hint = _hint(seq, text)
            if not hint.tenant == tenant or not hint.hint_id == name == hint_id(hint.text, tenant):
                raise DamagedLog(seq, "it holds another hint than it says")
            found[tenant, name] = Revision(hint=counted(hint, shown, helped, hurt), seq=seq)
        return found

    def whole(self, at: int) -> int:
        """Return the last entry of the write that entry `at` belongs to.

        Entries of one write stand one after the other and bear the same time. In between there is
        no state that anybody ever saw.
        """
        sql = (
            "SELECT COALESCE(MAX(e.seq), ?) FROM entries e JOIN entries own ON own.seq = ?"
            " WHERE e.seq >= own.seq AND e.at = own.at"
        )
        return int(self._db.read(sql, (at, at))[0][0])

    def supporters(self, hint_id: str, *, tenant: str) -> int:
        """Count the distinct sources that led to a hint."""
        sql = (
            "SELECT COUNT(DISTINCT source) FROM entries"
            " WHERE tenant = ? AND hint_id = ? AND action = 'support'"
        )
        return int(self._db.read(sql, (tenant, hint_id))[0][0])

    def by_kind(self, hint_id: str, *, tenant: str) -> dict[str, Tally]:
        """Return how a hint fared in each kind of session that was noted with its counts."""
        sql = (
            f"SELECT why, {_SUMS} FROM entries"
            " WHERE tenant = ? AND hint_id = ? AND action = 'record' GROUP BY why ORDER BY why"
        )
        rows = self._db.read(sql, (tenant, hint_id))
        return {
            kind: Tally(shown=shown, helped=helped, hurt=hurt) for kind, shown, helped, hurt in rows
        }

    def last_noted(self, *, tenant: str) -> dict[str, float]:
        """Return when each hint of a tenant was last shown, written or moved, since 1970 in s."""
        sql = (
            "SELECT hint_id, MAX(at) FROM entries WHERE tenant = ? AND action <> 'support'"
            " GROUP BY hint_id"
        )
        return {str(hint): float(at) for hint, at in self._db.read(sql, (tenant,))}

    def snapshot(self, name: str, *, by: str, tenant: str = "default") -> Snapshot:
        """Give the present point a name, for one tenant.

        Raises:
            UserError: the name is empty, a number, or taken.
        """
        if not name.strip() or name.strip().isdigit():
            raise UserError(f"{name!r} cannot name a snapshot; use a word, such as 'before-sale'")
        with self._transaction():
            known = "SELECT 1 FROM points WHERE tenant = ? AND name = ?"
            if self._db.read(known, (tenant, name)):
                raise UserError(f"a snapshot {name!r} exists already; choose another name")
            made = Snapshot(name=name, seq=self.position(), at=self._clock(), by=by)
            row = (tenant, made.name, made.seq, made.at, made.by)
            self._db.write("INSERT INTO points VALUES (?, ?, ?, ?, ?)", row)
        return made

    def snapshots(self, *, tenant: str = "default") -> list[Snapshot]:
        """Return a tenant's named points, oldest first."""
        sql = "SELECT name, seq, at, by_whom FROM points WHERE tenant = ? ORDER BY seq, at"
        return [
            Snapshot(name=name, seq=seq, at=at, by=by)
            for name, seq, at, by in self._db.read(sql, (tenant,))
        ]

    def close(self) -> None:
        """Let go of it."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._db.transaction():
                yield
        except DatabaseUnavailable as error:
            raise DatabaseUnavailable(
                f"cannot write to the hints' audit log ({error}); nothing of this change was "
                "kept; make room on the disk or wait for the other writer, then try again"
            ) from error


def _entry(row: Sequence[object]) -> Entry:
    seq, at, action, tenant, hint_id, by, why, hint, shown, helped, hurt, source = row
    if action not in set(Action):
        raise DamagedLog(seq, f"{action!r} is nothing that it tells")
    return Entry(
        seq=int(str(seq)),
        at=float(str(at)),
        action=Action(str(action)),
        tenant=str(tenant),
        hint_id=str(hint_id),
        by=str(by),
        why=str(why),
        hint=None if hint is None else _hint(seq, str(hint)),
        shown=int(str(shown)),
        helped=int(str(helped)),
        hurt=int(str(hurt)),
        source=str(source),
    )


def _hint(seq: object, text: str) -> Hint:
    try:
        return codec.load(text)
    except ValueError as error:
        raise DamagedLog(seq, "it holds no hint") from error
