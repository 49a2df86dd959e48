"""How often feedback may make the model reflect, and what waits until it may."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from re2llm.errors import UserError
from re2llm.kb_store.entry import source_digest

_SCHEMA = """
CREATE TABLE IF NOT EXISTS granted (
    tenant TEXT NOT NULL, slate TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (tenant, slate)
);
CREATE TABLE IF NOT EXISTS waiting (
    tenant TEXT NOT NULL, slate TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL,
    what TEXT NOT NULL, PRIMARY KEY (tenant, slate)
);
"""
_IN_TURN = (
    "SELECT slate, at, what, ROW_NUMBER() OVER (PARTITION BY source ORDER BY at, slate) AS turn"
    " FROM waiting WHERE tenant = ? ORDER BY turn, at, slate"
)
"""One of each source first, then a second one of each, and so on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """How much feedback may cost.

    Attributes:
        tenant: reflections per window for all feedback of a tenant.
        source: reflections per window for what one source says; feedback without a source counts
            for the tenant alone.
        waiting: so many postponed ones are kept per tenant; of more, the latest of the source that
            has most are dropped, so that a flood crowds out itself.
        window: seconds.
    """

    tenant: int = 60
    source: int = 6
    waiting: int = 1000
    window: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """A failure that waits to be reflected on; `what` is the text it was handed in with."""

    slate: str
    at: float
    what: str


class ReflectionQuota:
    """Counts reflections in a SQLite file; what was granted once is never counted twice.

    Safe from several threads, and from several processes of one machine.
    """

    def __init__(
        self,
        path: Path | None,
        limits: QuotaLimits | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open or create the file; without a path it lives in memory.

        Raises:
            UserError: the file cannot be used.
        """
        self._limits = limits or QuotaLimits()
        self._clock = clock
        self._lock = threading.Lock()
        name = ":memory:" if path is None else str(path)
        try:
            self._db = sqlite3.connect(
                name, timeout=30.0, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise UserError(
                f"cannot use the record of reflections {name!r} ({error}); check that its folder "
                "is writable, or remove the file: only what waits in it is lost"
            ) from error

    def take(self, slate: str, *, tenant: str, source: str = "", what: str) -> str | None:
        """Take one reflection out of the quota, or keep `what` for later.

        Args:
            slate: names what is reflected on; taking it again costs nothing more.
            tenant: whose quota.
            source: who gave the feedback, opaque; only a digest is compared.
            what: all that is needed to reflect later.

        Returns:
            None where the reflection may go on, else why it must wait.
        """
        now = self._clock()
        said = source_digest(source) if source else ""
        with self._transaction() as db:
            db.execute("DELETE FROM granted WHERE ABS(? - at) >= ?", (now, self._limits.window))
            if self._count("granted", tenant, slate=slate):
                return None
            reason = self._fault(tenant, said)
            row = (tenant, slate, said, now)
            if reason is None:
                db.execute("INSERT INTO granted VALUES (?, ?, ?, ?)", row)
                db.execute("DELETE FROM waiting WHERE tenant = ? AND slate = ?", (tenant, slate))
                return None
            db.execute("INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?, ?)", (*row, what))
            db.execute(
                "DELETE FROM waiting WHERE tenant = ? AND slate IN"
                f" (SELECT slate FROM ({_IN_TURN}) LIMIT -1 OFFSET ?)",
                (tenant, tenant, self._limits.waiting),
            )
            return reason

    def waiting(self, tenant: str, most: int) -> list[Postponed]:
        """Return up to `most` postponed failures, the sources in turn, the oldest of each first."""
        with self._lock:
            rows = self._db.execute(f"{_IN_TURN} LIMIT ?", (tenant, most)).fetchall()
        return [Postponed(slate=slate, at=at, what=what) for slate, at, what, _ in rows]

    def settle(self, slate: str, *, tenant: str) -> None:
        """Forget a postponed failure: it was reflected on."""
        with self._transaction() as db:
            db.execute("DELETE FROM waiting WHERE tenant = ? AND slate = ?", (tenant, slate))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _fault(self, tenant: str, source: str) -> str | None:
        limits = self._limits
        if self._count("granted", tenant) >= limits.tenant:
            return f"{limits.tenant} were made in the last {limits.window / 60:.0f} minutes"
        if source and self._count("granted", tenant, source=source) >= limits.source:
            return (
                f"this source led to {limits.source} in the last {limits.window / 60:.0f} minutes"
            )
        return None

    def _count(self, table: str, tenant: str, **where: str) -> int:
        more = "".join(f" AND {column} = ?" for column in where)
        sql = f"SELECT COUNT(*) FROM {table} WHERE tenant = ?{more}"
        return int(self._db.execute(sql, (tenant, *where.values())).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
