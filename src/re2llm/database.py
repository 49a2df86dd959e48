"""Records in SQL: a SQLite file in the workspace, or one Postgres that several machines share.

Both speak the same statements, with `?` for values: plain SQL that either understands.
"""

import re
import sqlite3
import sys
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from re2llm.errors import UserError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

Value = str | int | float | bytes | None
Row = tuple[Any, ...]

SCHEMA = "re2llm"
"""The Postgres schema that the tables live in."""
PATIENCE = 5.0
"""Seconds that a statement waits for a connection to Postgres."""
_WORDS = {
    "INTEGER PRIMARY KEY AUTOINCREMENT": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "INTEGER": "BIGINT",
    "REAL": "DOUBLE PRECISION",
    "BLOB": "BYTEA",
    " WITHOUT ROWID": "",
}
"""How Postgres calls what a table is made of."""


class DatabaseUnavailable(Exception):
    """A database does not answer, or refuses; what was acknowledged before is safe."""


class Database(Protocol):
    """Tables of one room. Blocking; safe from several threads; what is written stays."""

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

    def transaction(self) -> AbstractContextManager[None]:
        """Do several statements together or not at all, one writer after the other.

        Raises:
            DatabaseUnavailable: nothing was written.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class SqliteDatabase:
    """One connection behind a lock; several processes of one machine may share the file."""

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
            self._db.executescript(schema)
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnavailable(str(error)) from error

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return the rows of a statement; see `Database.read`."""
        with self._lock, _told(sqlite3.Error):
            return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement, durably; see `Database.write`."""
        with self._lock, _told(sqlite3.Error):
            return self._db.execute(sql, values).rowcount

    def write_all(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for every row; see `Database.write_all`."""
        with self.transaction(), _told(sqlite3.Error):
            self._db.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do several statements together or not at all; see `Database.transaction`."""
        with self._lock:
            with _told(sqlite3.Error):
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                with _told(sqlite3.Error):
                    self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


class PostgresDatabase:
    """Tables in the schema `re2llm` of a Postgres; connections that broke are made anew."""

    def __init__(self, url: str, schema: str) -> None:
        """Connect, and make the tables where they are not there.

        Args:
            url: such as `postgresql://user@host/shop`.
            schema: statements, in SQLite's words.

        Raises:
            DatabaseUnavailable: the server does not answer or refuses.
            UserError: the extra `postgres` is not installed.
        """
        psycopg, pool = _psycopg()
        self._error: type[Exception] = psycopg.Error
        self._mine = threading.local()
        self._turn = zlib.crc32(schema.encode())
        self._pool: ConnectionPool[Connection[Row]] = pool.ConnectionPool(
            url,
            min_size=1,
            max_size=16,
            timeout=PATIENCE,
            configure=_enter_schema,
            check=pool.ConnectionPool.check_connection,
            kwargs={"connect_timeout": int(PATIENCE), "autocommit": True},
            open=False,
        )
        try:
            with _told(psycopg.Error):
                self._pool.open(wait=True, timeout=PATIENCE)
            with self.transaction(), _told(psycopg.Error):
                self._mine.connection.execute(_in_postgres(schema))
        except BaseException:
            self._pool.close()
            raise

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return the rows of a statement; see `Database.read`."""
        with self._connection() as connection, _told(self._error):
            return connection.execute(_placed(sql), values).fetchall()

    def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement, durably; see `Database.write`."""
        with self._connection() as connection, _told(self._error):
            return connection.execute(_placed(sql), values).rowcount

    def write_all(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for every row; see `Database.write_all`."""
        with self.transaction(), _told(self._error), self._mine.connection.cursor() as cursor:
            cursor.executemany(_placed(sql), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do several statements together or not at all; see `Database.transaction`."""
        if getattr(self._mine, "connection", None) is not None:
            raise RuntimeError("transactions do not nest")
        with _told(self._error), self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (self._turn,))
            self._mine.connection = connection
            try:
                yield
            finally:
                self._mine.connection = None

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()

    @contextmanager
    def _connection(self) -> Iterator["Connection[Row]"]:
        mine = getattr(self._mine, "connection", None)
        if mine is not None:
            yield mine
            return
        with _told(self._error), self._pool.connection() as connection:
            yield connection


def open_database(
    path: Path | None, schema: str, *, url: str | None = None, durable: bool = True
) -> Database:
    """Open tables in Postgres where a URL is given, else in a SQLite file.

    Raises:
        DatabaseUnavailable: it cannot be opened.
        UserError: the extra `postgres` is needed and not installed.
    """
    if url:
        return PostgresDatabase(url, schema)
    return SqliteDatabase(path, schema, durable=durable)


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


@dataclass(frozen=True, slots=True)
class Entering:
    """How a connection enters a schema: what makes it, in one transaction, then what enters it.

    Attributes:
        turn: names the schema's advisory lock.
    """

    turn: int
    made: tuple[str, ...]
    entered: str


def enter_statements(schema: str) -> Entering:
    """Say how a connection to Postgres makes a schema where it is missing, and enters it."""
    turn = zlib.crc32(schema.encode())
    # Several replicas may be the first at once: creating "if not exists" is no lock by itself.
    made = (f"SELECT pg_advisory_xact_lock({turn})", f"CREATE SCHEMA IF NOT EXISTS {schema}")
    return Entering(turn=turn, made=made, entered=f"SET search_path TO {schema}")


@contextmanager
def _told(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kind as error:
        raise DatabaseUnavailable(" ".join(str(error).split())) from error


def _psycopg() -> tuple[Any, Any]:
    try:
        import psycopg
        import psycopg_pool
    except ImportError as error:
        raise UserError(
            "RE2LLM_DATABASE_URL needs Postgres' driver: pip install 're2llm[postgres]'"
        ) from error
    return psycopg, psycopg_pool


def _enter_schema(connection: "Connection[Row]") -> None:
    statements = enter_statements(SCHEMA)
    with connection.transaction():
        for statement in statements.made:
            connection.execute(statement)
    connection.execute(statements.entered)


def _in_postgres(schema: str) -> str:
    for word, theirs in _WORDS.items():
        schema = re.sub(rf"{re.escape(word)}\b", theirs, schema)
    return schema


def _placed(sql: str) -> str:
    return sql.replace("?", "%s")
