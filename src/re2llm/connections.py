"""Connections to Postgres: few for all of a process, and a quick no where it is away."""

import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from re2llm.database import DatabaseUnavailable, Row, told
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


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise UserError(
            "RE2LLM_DATABASE_URL needs Postgres' driver: pip install 're2llm[postgres]'"
        ) from error
    return psycopg
