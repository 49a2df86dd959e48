"""The audit log: the system of record for what every hint is and how it came to be that."""

import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from re2llm.errors import UserError
from re2llm.kb_store import codec
from re2llm.kb_store.entry import Action, Entry, Key, Revision, Snapshot, Tally, counted

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    action TEXT NOT NULL,
    tenant TEXT NOT NULL,
    hint_id TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    why TEXT NOT NULL,
    hint TEXT,
    shown INTEGER NOT NULL DEFAULT 0,
    helped INTEGER NOT NULL DEFAULT 0,
    hurt INTEGER NOT NULL DEFAULT 0,
    source TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS entries_of_hint ON entries (tenant, hint_id, action, seq);
CREATE UNIQUE INDEX IF NOT EXISTS entries_once ON entries (tenant, hint_id, source)
    WHERE action = 'record' AND source <> '';
CREATE TABLE IF NOT EXISTS snapshots (
    name TEXT PRIMARY KEY, seq INTEGER NOT NULL, at REAL NOT NULL, by_whom TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entries_keep BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""

_COLUMNS = "seq, at, action, tenant, hint_id, by_whom, why, hint, shown, helped, hurt, source"


class AuditLog:
    """An append-only log in one SQLite file; an acknowledged entry survives a crash.

    Safe from several threads, and from several processes of one machine.
    """

    def __init__(self, path: Path | None, *, clock: Callable[[], float] = time.time) -> None:
        """Open or create the log; without a path it lives in memory.

        Raises:
            UserError: the file is no audit log, or cannot be written.
        """
        self._clock = clock
        self._lock = threading.RLock()
        name = ":memory:" if path is None else str(path)
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                name, timeout=30.0, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO about VALUES ('id', ?)", (uuid.uuid4().hex,))
        except (sqlite3.Error, OSError) as error:
            raise UserError(
                f"cannot open the hints' audit log {name!r} ({error}); check that the folder is "
                "writable, or restore the file from a backup"
            ) from error

    @property
    def identity(self) -> str:
        """Name this log; made at random when it was created."""
        with self._lock:
            return str(self._db.execute("SELECT value FROM about WHERE key = 'id'").fetchone()[0])

    def append(self, entries: Iterable[Entry]) -> list[Entry]:
        """Write entries in one transaction, all or none, durably.

        A record for an occasion that the hint has a record for already is left out.

        Returns:
            The written entries with their numbers and times.

        Raises:
            ValueError: a hint that could not be read back.
        """
        rows = [(entry, codec.dump(entry.hint) if entry.hint else None) for entry in entries]
        written: list[Entry] = []
        with self._transaction():
            at = self._clock()
            for entry, hint in rows:
                cursor = self._db.execute(
                    f"INSERT INTO entries ({_COLUMNS}) VALUES (NULL{', ?' * 11})"
                    " ON CONFLICT DO NOTHING",
                    (at, entry.action, entry.tenant, entry.hint_id, entry.by, entry.why, hint)  # noqa: RUF005
                    + (entry.shown, entry.helped, entry.hurt, entry.source),
                )
                if cursor.rowcount:
                    written.append(replace(entry, seq=int(cursor.lastrowid or 0), at=at))
        return written

    def position(self) -> int:
        """Return the number of the last entry; 0 for an empty log."""
        with self._lock:
            return int(self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM entries").fetchone()[0])

    def changed_elsewhere(self) -> int:
        """Return a number that changes when another process, or connection, has written."""
        with self._lock:
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def entries(
        self,
        *,
        tenant: str | None = None,
        hint_id: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Entry]:
        """Return entries in the order they were written; with a limit, the last ones."""
        where, values = ["seq > ?"], [after]  # type: tuple[list[str], list[object]]
        for column, value in (("tenant", tenant), ("hint_id", hint_id)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        values.append(-1 if limit is None else limit)
        sql = (
            f"SELECT {_COLUMNS} FROM entries WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"
        )
        with self._lock:
            rows = self._db.execute(sql, values).fetchall()
        return [_entry(row) for row in reversed(rows)]

    def state(self, *, at: int | None = None) -> dict[Key, Revision]:
        """Derive every hint as it stood after entry `at`, or as it stands now.

        The words are those of the last entry that holds the hint in full; the statistics are the
        sum over all its entries, so that writers who do not know of each other lose no count.
        """
        end = self.position() if at is None else at
        sql = (
            "SELECT e.tenant, e.hint_id, e.seq, e.hint, s.shown, s.helped, s.hurt FROM entries e"
            " JOIN (SELECT MAX(CASE WHEN hint IS NOT NULL THEN seq END) AS seq, SUM(shown) AS"
            " shown, SUM(helped) AS helped, SUM(hurt) AS hurt FROM entries WHERE seq <= ?"
            " GROUP BY tenant, hint_id) s ON e.seq = s.seq"
        )
        with self._lock:
            rows = self._db.execute(sql, (end,)).fetchall()
        return {
            (tenant, hint_id): Revision(
                hint=counted(codec.load(text), shown, helped, hurt), seq=seq
            )
            for tenant, hint_id, seq, text, shown, helped, hurt in rows
        }

    def supporters(self, hint_id: str, *, tenant: str) -> int:
        """Count the distinct sources that led to a hint."""
        sql = (
            "SELECT COUNT(DISTINCT source) FROM entries"
            " WHERE tenant = ? AND hint_id = ? AND action = 'support'"
        )
        with self._lock:
            return int(self._db.execute(sql, (tenant, hint_id)).fetchone()[0])

    def by_kind(self, hint_id: str, *, tenant: str) -> dict[str, Tally]:
        """Return how a hint fared in each kind of session that was noted with its counts."""
        sql = (
            "SELECT why, SUM(shown), SUM(helped), SUM(hurt) FROM entries"
            " WHERE tenant = ? AND hint_id = ? AND action = 'record' GROUP BY why ORDER BY why"
        )
        with self._lock:
            rows = self._db.execute(sql, (tenant, hint_id)).fetchall()
        return {
            kind: Tally(shown=shown, helped=helped, hurt=hurt) for kind, shown, helped, hurt in rows
        }

    def last_shown(self, *, tenant: str) -> dict[str, float]:
        """Return when each hint of a tenant was last recorded, in seconds since 1970."""
        sql = (
            "SELECT hint_id, MAX(at) FROM entries WHERE tenant = ? AND action = 'record'"
            " GROUP BY hint_id"
        )
        with self._lock:
            return {str(hint): float(at) for hint, at in self._db.execute(sql, (tenant,))}

    def snapshot(self, name: str, *, by: str) -> Snapshot:
        """Give the present point a name.

        Raises:
            UserError: the name is empty, a number, or taken.
        """
        if not name.strip() or name.strip().isdigit():
            raise UserError(f"{name!r} cannot name a snapshot; use a word, such as 'before-sale'")
        with self._transaction():
            taken = self._db.execute("SELECT 1 FROM snapshots WHERE name = ?", (name,)).fetchone()
            if taken:
                raise UserError(f"a snapshot {name!r} exists already; choose another name")
            made = Snapshot(name=name, seq=self.position(), at=self._clock(), by=by)
            row = (made.name, made.seq, made.at, made.by)
            self._db.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?)", row)
        return made

    def snapshots(self) -> list[Snapshot]:
        """Return all named points, oldest first."""
        sql = "SELECT name, seq, at, by_whom FROM snapshots ORDER BY seq, at"
        with self._lock:
            rows: Sequence[tuple[str, int, float, str]] = self._db.execute(sql).fetchall()
        return [Snapshot(name=name, seq=seq, at=at, by=by) for name, seq, at, by in rows]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise UserError(
                    f"cannot write to the hints' audit log ({error}); nothing of this change was "
                    "kept; make room on the disk or wait for the other writer, then try again"
                ) from error
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


def _entry(row: Sequence[object]) -> Entry:
    seq, at, action, tenant, hint_id, by, why, hint, shown, helped, hurt, source = row
    return Entry(
        seq=int(str(seq)),
        at=float(str(at)),
        action=Action(str(action)),
        tenant=str(tenant),
        hint_id=str(hint_id),
        by=str(by),
        why=str(why),
        hint=None if hint is None else codec.load(str(hint)),
        shown=int(str(shown)),
        helped=int(str(helped)),
        hurt=int(str(hurt)),
        source=str(source),
    )
