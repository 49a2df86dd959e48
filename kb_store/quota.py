"""How often feedback may make the model reflect, and what waits until it may."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from re2llm.database import DatabaseUnavailable, open_database, where_kept
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
    "SELECT slate, at, what, ROW_NUMBER() OVER (ORDER BY turn, at, slate) AS place FROM"
    " (SELECT slate, at, what, ROW_NUMBER() OVER (PARTITION BY source ORDER BY at, slate) AS turn"
    " FROM waiting WHERE tenant = ?) AS turns"
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
    """Counts reflections in SQL; what was granted once is never counted twice.

    Safe from several threads, and from several processes.
    """

    def __init__(
        self,
        path: Path | None,
        limits: QuotaLimits | None = None,
        *,
        url: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open or create the record of reflections.

        Args:
            path: of a SQLite file; without one it lives in memory.
            limits: how much feedback may cost.
            url: of a Postgres, in place of the file.
            clock: tells seconds since 1970.

        Raises:
            UserError: it cannot be used.
        """
        self._limits = limits or QuotaLimits()
        self._clock = clock
        try:
            self._db = open_database(path, _SCHEMA, url=url)
        except DatabaseUnavailable as error:
            raise UserError(
                f"cannot use the record of reflections in {where_kept(path, url)} ({error}); check "
                "that it can be reached and written, or remove it: only what waits in it is lost"
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
        with self._db.transaction(tenant):
            self._expire(now, tenant)
            if self._count("granted", tenant, slate=slate):
                return None
            reason = self._fault(tenant, said)
            row = (tenant, slate, said, now)
            if reason is None:
                self._db.write("INSERT INTO granted VALUES (?, ?, ?, ?)", row)
                self._db.write(
                    "DELETE FROM waiting WHERE tenant = ? AND slate = ?", (tenant, slate)
                )
                return None
            self._db.write(
                "INSERT INTO waiting VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (*row, what)
            )
            self._db.write(
                "DELETE FROM waiting WHERE tenant = ? AND slate IN"
                f" (SELECT slate FROM ({_IN_TURN}) AS places WHERE place > ?)",
                (tenant, tenant, self._limits.waiting),
            )
            return reason

    def waiting(self, tenant: str, most: int) -> list[Postponed]:
        """Return up to `most` postponed failures, the sources in turn, the oldest of each first."""
        sql = f"SELECT slate, at, what FROM ({_IN_TURN}) AS places WHERE place <= ? ORDER BY place"
        return [
            Postponed(slate=slate, at=at, what=what)
            for slate, at, what in self._db.read(sql, (tenant, most))
        ]

    def grant(self, slate: str, *, tenant: str) -> bool:
        """Take a reflection for a postponed failure out of the quota; false where it has no room.

        The failure waits until it is settled; granting it again costs nothing more.
        """
        now = self._clock()
        with self._db.transaction(tenant):
            self._expire(now, tenant)
            if self._count("granted", tenant, slate=slate):
                return True
            sql = "SELECT source FROM waiting WHERE tenant = ? AND slate = ?"
            rows = self._db.read(sql, (tenant, slate))
            if not rows or self._fault(tenant, rows[0][0]) is not None:
                return False
            row = (tenant, slate, rows[0][0], now)
            self._db.write("INSERT INTO granted VALUES (?, ?, ?, ?)", row)
        return True

    def tenants(self) -> list[str]:
        """Return the tenants that have postponed failures."""
        rows = self._db.read("SELECT DISTINCT tenant FROM waiting ORDER BY tenant")
        return [str(tenant) for (tenant,) in rows]

    def count_waiting(self, tenant: str) -> int:
        """Count the postponed failures."""
        return self._count("waiting", tenant)

    def count_all(self) -> int:
        """Count the postponed failures of all tenants."""
        return int(self._db.read("SELECT COUNT(*) FROM waiting")[0][0])

    def settle(self, slate: str, *, tenant: str) -> None:
        """Forget a postponed failure: it was reflected on."""
        self._forget(tenant, slate)

    def close(self) -> None:
        """Let go of it."""
        self._db.close()

    def _forget(self, tenant: str, slate: str) -> None:
        self._db.write("DELETE FROM waiting WHERE tenant = ? AND slate = ?", (tenant, slate))

    def _expire(self, now: float, tenant: str) -> None:
        old = "DELETE FROM granted WHERE tenant = ? AND ABS(? - at) >= ?"
        self._db.write(old, (tenant, now, self._limits.window))

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
        return int(self._db.read(sql, (tenant, *where.values()))[0][0])
