"""The service's own SQLite file: what it remembers of sessions, slates and answered requests."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from re2llm.errors import UserError

Value = str | int | float | bytes | None
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    tenant TEXT NOT NULL, session_id TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (tenant, session_id)
);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, session_id TEXT NOT NULL,
    kind TEXT NOT NULL, item_id TEXT NOT NULL, slate_id TEXT, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_session ON events (tenant, session_id, seq);
CREATE TABLE IF NOT EXISTS slates (
    slate_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, session_id TEXT, at REAL NOT NULL,
    served TEXT NOT NULL, feedback TEXT, outcome TEXT
);
CREATE INDEX IF NOT EXISTS slates_of_session ON slates (tenant, session_id, at);
CREATE INDEX IF NOT EXISTS slates_waiting ON slates (at)
    WHERE feedback IS NOT NULL AND outcome IS NULL;
CREATE TABLE IF NOT EXISTS replies (
    tenant TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, at REAL NOT NULL,
    status INTEGER, kind TEXT, body BLOB, PRIMARY KEY (tenant, key)
);
CREATE INDEX IF NOT EXISTS replies_by_age ON replies (at);
CREATE TABLE IF NOT EXISTS withdrawn (
    tenant TEXT NOT NULL, item_id TEXT NOT NULL, PRIMARY KEY (tenant, item_id)
);
"""


class Database:
    """One connection behind a lock. Blocking; safe from several threads; what is written stays."""

    def __init__(self, path: Path | None) -> None:
        """Open or create the file; without a path it lives in memory.

        Raises:
            UserError: the file cannot be opened or is no database.
        """
        self._lock = threading.RLock()
        name = ":memory:" if path is None else str(path)
        try:
            self._db = sqlite3.connect(
                name, timeout=10.0, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise UserError(
                f"cannot open the service's records {name!r} ({error}); check that the folder is "
                "writable, or move the file away to start with empty ones"
            ) from error

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Return the rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement, durably; returns how many rows it changed."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do several statements together or not at all."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
