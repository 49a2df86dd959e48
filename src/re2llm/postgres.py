"""Records in Postgres: SQLite's statements, with locks as narrow as the writers say."""

import hashlib
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from re2llm.connections import Connections
from re2llm.database import Row, Value, told

if TYPE_CHECKING:
    from psycopg import Connection

_WORDS = {
    "INTEGER PRIMARY KEY AUTOINCREMENT": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "INTEGER": "BIGINT",
    "REAL": "DOUBLE PRECISION",
    "BLOB": "BYTEA",
    " WITHOUT ROWID": "",
}
"""How Postgres calls what a table is made of."""


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


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


def _in_postgres(schema: str) -> str:
    for word, theirs in _WORDS.items():
        schema = re.sub(rf"{re.escape(word)}\b", theirs, schema)
    return schema


def _placed(sql: str) -> str:
    return sql.replace("?", "%s")
