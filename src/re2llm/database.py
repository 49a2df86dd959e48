"""Records in SQL: a SQLite file in the workspace, or one Postgres that several machines share.

Both speak the same statements, with `?` for values: plain SQL that either understands.
"""

import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

CACHE_KIB = 512
"""Pages of a SQLite file that a connection keeps; the system's own cache holds the rest."""
Value = str | int | float | bytes | None
Row = tuple[Any, ...]


class DatabaseUnavailable(Exception):
    """A database does not answer, or refuses; what was acknowledged before is safe."""


class Database(Protocol):
    """Tables of one room. Blocking; safe from several threads; what is written stays."""

    @property
    def now(self) -> str:
        """An expression of SQL: seconds since 1970 by the clock that all who share this read."""
        ...

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return the rows of a statement.

        Raises:
            DatabaseUnavailable: it could not be run.
        """
        ...

    def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement, durably; returns how many rows it changed.

        Raises:
            DatabaseUnavailable: it could not be run; nothing was written.
        """
        ...

    def write_all(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for every row, all or none.

        Raises:
            DatabaseUnavailable: it could not be run; nothing was written.
        """
        ...

    def transaction(self, turn: str = "") -> AbstractContextManager[None]:
        """Do several statements together or not at all, one writer after the other.

        Args:
            turn: names what must not happen at once; writers of other turns need not wait. Without
                one, all transactions of this room that name none follow each other.

        Raises:
            DatabaseUnavailable: nothing was written.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class SqliteDatabase:
    """One connection behind a lock; several processes of one machine may share the file."""

    now = "((julianday('now') - 2440587.5) * 86400.0)"

    def __init__(self, path: Path | None, schema: str, *, durable: bool = True) -> None:
        """Open or create the file; without a path it lives in memory.

        Args:
            path: its folder is made if need be.
            schema: statements that make the tables where they are not there.
            durable: whether a write must survive the machine's end, not only the process's.

        Raises:
            DatabaseUnavailable: the file cannot be opened or is no database.
        """
        self._lock = threading.RLock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path or ":memory:", timeout=30.0, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            self._db.executescript(schema)
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnavailable(str(error)) from error

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return the rows of a statement; see `Database.read`."""
        with self._lock, told(sqlite3.Error):
            return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement, durably; see `Database.write`."""
        with self._lock, told(sqlite3.Error):
            return self._db.execute(sql, values).rowcount

    def write_all(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for every row; see `Database.write_all`."""
        with self.transaction(), told(sqlite3.Error):
            self._db.executemany(sql, rows)

    @contextmanager
    def transaction(self, turn: str = "") -> Iterator[None]:  # noqa: ARG002
        """Do several statements together or not at all; see `Database.transaction`."""
        with self._lock:
            with told(sqlite3.Error):
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                with told(sqlite3.Error):
                    self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


def open_database(
    path: Path | None, schema: str, *, url: str | None = None, durable: bool = True
) -> Database:
    """Open tables in Postgres where a URL is given, else in a SQLite file.

    Raises:
        DatabaseUnavailable: it cannot be opened.
        UserError: the extra `postgres` is needed and not installed.
    """
    if url:
        from re2llm.postgres import PostgresDatabase

        return PostgresDatabase(url, schema)
    return SqliteDatabase(path, schema, durable=durable)


@contextmanager
def few_connections(url: str | None, most: int) -> Iterator[None]:
    """Let all that is opened in here share so many connections to Postgres, if it is one.

    Raises:
        UserError: the extra `postgres` is needed and not installed.
    """
    if not url:
        yield
        return
    from re2llm.connections import Connections

    held = Connections.shared(url, most)
    try:
        yield
    finally:
        held.leave()


def database_errors() -> tuple[type[Exception], ...]:
    """Return what is raised where a database does not answer, by us or by a checkpointer."""
    if "psycopg" not in sys.modules:
        return DatabaseUnavailable, sqlite3.Error
    return DatabaseUnavailable, sqlite3.Error, sys.modules["psycopg"].Error


def where_kept(path: Path | None, url: str | None) -> str:
    """Name the place of records for an error message, without a password."""
    if url:
        return "the Postgres of RE2LLM_DATABASE_URL"
    return repr(str(path)) if path else "memory"


@contextmanager
def told(kind: type[Exception]) -> Iterator[None]:
    """Make a driver's errors `DatabaseUnavailable`."""
    try:
        yield
    except kind as error:
        raise DatabaseUnavailable(" ".join(str(error).split())) from error
