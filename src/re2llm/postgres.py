"""Records in Postgres: few connections for all of a process, and a quick no where it is away."""

import hashlib
import re
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from re2llm.database import DatabaseUnavailable, Row, Value, told
from re2llm.errors import UserError

if TYPE_CHECKING:
    from psycopg import Connection

SCHEMA = "re2llm"
"""The Postgres schema that the tables live in."""
MOST = 8
"""Connections of one process for records, unless it is told otherwise."""
PATIENCE = 5.0
"""Seconds that a statement waits for a connection of the process to be free."""
REACHING = {
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "tcp_user_timeout": 10_000,
    "autocommit": True,
}
"""How a server is reached, and how soon one that vanished is noticed."""
_REST = 0.5
"""Seconds for which a server that could not be reached is not tried again."""
_FRESH = 1.0
"""A connection that was used so few seconds ago is not tried out before it is used again."""
_WORDS = {
    "INTEGER PRIMARY KEY AUTOINCREMENT": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "INTEGER": "BIGINT",
    "REAL": "DOUBLE PRECISION",
    "BLOB": "BYTEA",
    " WITHOUT ROWID": "",
}
"""How Postgres calls what a table is made of."""


class Connections:
    """Connections to one Postgres, shared by all tables of a process; broken ones are replaced.

    A server that cannot be reached is tried again by one caller at a time and not more often than
    every half second; meanwhile the others are told at once, instead of waiting for it in turn.
    """

    _shared: ClassVar[dict[str, "Connections"]] = {}
    _gate: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, url: str, most: int) -> None:
        """Connect to nothing yet."""
        self._url = url
        self._driver = _psycopg()
        self.error: type[Exception] = self._driver.Error
        self._room = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._reaching = threading.Lock()
        self._idle: list[tuple[float, Connection[Row]]] = []
        self._made = False
        self._away_until = 0.0
        self._users = 0

    @classmethod
    def shared(cls, url: str, most: int = MOST) -> "Connections":
        """Return this process's connections to a URL, to be given back with `leave`.

        Args:
            url: such as `postgresql://user@host/shop`.
            most: connections at once; what the first caller says counts.

        Raises:
            UserError: the extra `postgres` is not installed.
        """
        with cls._gate:
            found = cls._shared.get(url)
            if found is None:
                found = cls._shared[url] = cls(url, most)
            found._users += 1
            return found

    def leave(self) -> None:
        """Stop using them; the last one closes them."""
        with self._gate:
            self._users -= 1
            if self._users == 0:
                del self._shared[self._url]
                self._drop_idle()

    @contextmanager
    def one(self) -> Iterator["Connection[Row]"]:
        """Lend a connection.

        Raises:
            DatabaseUnavailable: the server cannot be reached, or all connections stay busy.
        """
        if not self._room.acquire(timeout=PATIENCE):
            raise DatabaseUnavailable(f"no connection became free within {PATIENCE:g} s")
        try:
            with told(self.error):
                connection = self._rested() or self._reached()
            try:
                yield connection
            finally:
                self._put_back(connection)
        finally:
            self._room.release()

    def _rested(self) -> "Connection[Row] | None":
        while True:
            with self._lock:
                if not self._idle:
                    return None
                used, connection = self._idle.pop()
            if time.monotonic() - used < _FRESH:
                return connection
            try:
                connection.execute("SELECT 1")
            except self.error:
                connection.close()
            else:
                return connection

    def _reached(self) -> "Connection[Row]":
        if time.monotonic() < self._away_until:
            raise DatabaseUnavailable("the database was away a moment ago")
        first = self._away_until == 0
        if not self._reaching.acquire(timeout=PATIENCE if first else 0):
            raise DatabaseUnavailable("the database is away; it is being tried again")
        try:
            connection: Connection[Row] = self._driver.connect(self._url, **REACHING)
            try:
                self._enter(connection)
            except BaseException:
                connection.close()
                raise
        except self.error:
            self._away_until = time.monotonic() + _REST
            raise
        finally:
            self._reaching.release()
        self._away_until = 0.0
        return connection

    def _enter(self, connection: "Connection[Row]") -> None:
        statements = enter_statements(SCHEMA)
        if not self._made:
            with connection.transaction():
                for statement in statements.made:
                    connection.execute(statement)
            self._made = True
        connection.execute(statements.entered)

    def _put_back(self, connection: "Connection[Row]") -> None:
        idle = self._driver.pq.TransactionStatus.IDLE
        if connection.closed or connection.info.transaction_status != idle:
            connection.close()
            self._drop_idle()  # what broke one has likely broken all
            return
        with self._lock:
            self._idle.append((time.monotonic(), connection))

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()


class PostgresDatabase:
    """Tables in the schema `re2llm` of a Postgres."""

    now = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"

    def __init__(self, url: str, schema: str) -> None:
        """Connect, and make the tables where they are not there.

        Args:
            url: such as `postgresql://user@host/shop`.
            schema: statements, in SQLite's words.

        Raises:
            DatabaseUnavailable: the server does not answer or refuses.
            UserError: the extra `postgres` is not installed.
        """
        self._connections = Connections.shared(url)
        self._error = self._connections.error
        self._mine = threading.local()
        self._name = schema
        try:
            with self.transaction(), told(self._error):
                self._mine.connection.execute(_in_postgres(schema))
        except BaseException:
            self._connections.leave()
            raise

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return the rows of a statement; see `Database.read`."""
        with self._connection() as connection, told(self._error):
            return connection.execute(_placed(sql), values).fetchall()

    def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement, durably; see `Database.write`."""
        with self._connection() as connection, told(self._error):
            return connection.execute(_placed(sql), values).rowcount

    def write_all(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for every row; see `Database.write_all`."""
        with (
            self._connections.one() as connection,
            told(self._error),
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            cursor.executemany(_placed(sql), rows)

    @contextmanager
    def transaction(self, turn: str = "") -> Iterator[None]:
        """Do several statements together or not at all; see `Database.transaction`."""
        if getattr(self._mine, "connection", None) is not None:
            raise RuntimeError("transactions do not nest")
        with self._connections.one() as connection, told(self._error), connection.transaction():
            number = _number(f"{self._name}\n{turn}")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (number,))
            self._mine.connection = connection
            try:
                yield
            finally:
                self._mine.connection = None

    def close(self) -> None:
        """Let go of the connections."""
        self._connections.leave()

    @contextmanager
    def _connection(self) -> Iterator["Connection[Row]"]:
        mine = getattr(self._mine, "connection", None)
        if mine is not None:
            yield mine
            return
        with self._connections.one() as connection:
            yield connection


@dataclass(frozen=True, slots=True, kw_only=True)
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


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise UserError(
            "RE2LLM_DATABASE_URL needs Postgres' driver: pip install 're2llm[postgres]'"
        ) from error
    return psycopg


def _in_postgres(schema: str) -> str:
    for word, theirs in _WORDS.items():
        schema = re.sub(rf"{re.escape(word)}\b", theirs, schema)
    return schema


def _placed(sql: str) -> str:
    return sql.replace("?", "%s")
