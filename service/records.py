"""The tables that the service keeps: sessions, slates, answered requests, claims, and more."""

from pathlib import Path

from re2llm.database import Database, DatabaseUnavailable, open_database, where_kept
from re2llm.errors import UserError

RECORDS = "service.sqlite"
"""The file in the workspace, where there is no Postgres."""
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
CREATE TABLE IF NOT EXISTS answered (
    tenant TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, at REAL NOT NULL,
    owner TEXT NOT NULL, status INTEGER, kind TEXT, body BLOB, PRIMARY KEY (tenant, key)
);
CREATE INDEX IF NOT EXISTS answered_by_age ON answered (at);
CREATE TABLE IF NOT EXISTS turns (
    turn_id TEXT PRIMARY KEY, owner TEXT NOT NULL, said TEXT NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS rates (
    name TEXT PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS claims (
    name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS withdrawn (
    tenant TEXT NOT NULL, item_id TEXT NOT NULL, PRIMARY KEY (tenant, item_id)
);
"""


def open_records(path: Path | None, *, url: str | None = None) -> Database:
    """Open the service's records.

    Args:
        path: of a SQLite file; without one they live in memory.
        url: of a Postgres, in place of the file.

    Raises:
        UserError: they cannot be opened.
    """
    try:
        return open_database(path, _SCHEMA, url=url)
    except DatabaseUnavailable as error:
        raise UserError(
            f"cannot open the service's records in {where_kept(path, url)} ({error}); check that "
            "they can be reached and written, or move the file away to start with empty ones"
        ) from error
