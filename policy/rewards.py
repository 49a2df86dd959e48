"""What was ever paid for: the metric of a session asked with a hint, kept so as never to pay twice.

Values are kept, not differences: the base value of a session is one row (hint id ``""``), and a
reward is the value with the hint minus the base value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from re2llm.database import DatabaseUnavailable, open_database, where_kept
from re2llm.errors import UserError

BASE = ""
"""Stands for no hint where a hint id is stored."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rewards (
    model TEXT NOT NULL, prompt_version TEXT NOT NULL, metric TEXT NOT NULL,
    session_key TEXT NOT NULL, hint_id TEXT NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (model, prompt_version, metric, session_key, hint_id)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What values must share to be comparable."""

    model: str
    prompt_version: str
    metric: str
    """Name and cut-off, and what is judged: for example `ndcg@10 of the slate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardTable:
    """All that is known of some sessions under some hints.

    Attributes:
        session_keys: (sessions,).
        hint_ids: (hints,).
        base: (sessions,) metric without a hint; NaN where unknown.
        gains: (sessions, hints) metric with the hint minus base; NaN where either is unknown.
    """

    session_keys: tuple[str, ...]
    hint_ids: tuple[str, ...]
    base: NDArray[np.float64]
    gains: NDArray[np.float64]

    @property
    def complete(self) -> bool:
        """Say whether every reward is known."""
        return bool(np.isfinite(self.gains).all() and np.isfinite(self.base).all())


class RewardStore:
    """Values in a SQLite file or in Postgres; safe from several threads and processes."""

    def __init__(self, path: Path | None, *, url: str | None = None) -> None:
        """Open it, or make it.

        Args:
            path: of the SQLite file; without one nothing is kept after `close`.
            url: of a Postgres, in place of the file.

        Raises:
            UserError: it cannot be opened, or is no database.
        """
        try:
            self._db = open_database(path, _SCHEMA, url=url)
        except DatabaseUnavailable as error:
            raise UserError(
                f"the reward store in {where_kept(path, url)} cannot be opened ({error}); move the "
                "file away to start a new one, or see to the server"
            ) from error

    def put(self, scope: Scope, session_key: str, hint_id: str, value: float) -> None:
        """Keep one value; a value that is there already stays.

        Raises:
            ValueError: the value is not finite.
        """
        self.put_all(scope, [(session_key, hint_id, value)])

    def put_all(self, scope: Scope, rows: Iterable[tuple[str, str, float]]) -> None:
        """Keep several (session key, hint id, value), all or none."""
        listed = list(rows)
        for session_key, hint_id, value in listed:
            if not np.isfinite(value):
                raise ValueError(f"value {value!r} of {session_key!r} with {hint_id!r}")
        self._db.write_all(
            "INSERT INTO rewards VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(*_parts(scope), key, hint, float(value)) for key, hint, value in listed],
        )

    def find(self, scope: Scope, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], float]:
        """Return the values of these (session key, hint id), without those never paid for."""
        asked = (
            "SELECT value FROM rewards WHERE model = ? AND prompt_version = ? AND metric = ? "
            "AND session_key = ? AND hint_id = ?"
        )
        found = {which: self._db.read(asked, (*_parts(scope), *which)) for which in wanted}
        return {which: float(rows[0][0]) for which, rows in found.items() if rows}

    def count(self, scope: Scope) -> int:
        """Count the values of this scope."""
        sql = "SELECT COUNT(*) FROM rewards WHERE model = ? AND prompt_version = ? AND metric = ?"
        return int(self._db.read(sql, _parts(scope))[0][0])

    def table(
        self, scope: Scope, session_keys: Sequence[str], hint_ids: Sequence[str]
    ) -> RewardTable:
        """Return what is known of these sessions under these hints, as arrays."""
        rows = {key: i for i, key in enumerate(session_keys)}
        columns = {hint: j for j, hint in enumerate((BASE, *hint_ids))}
        values = np.full((len(session_keys), len(columns)), np.nan)
        found = self._db.read(
            "SELECT session_key, hint_id, value FROM rewards "
            "WHERE model = ? AND prompt_version = ? AND metric = ?",
            _parts(scope),
        )
        for session_key, hint_id, value in found:
            i, j = rows.get(session_key), columns.get(hint_id)
            if i is not None and j is not None:
                values[i, j] = value
        repeated = [(i, rows[key]) for i, key in enumerate(session_keys) if rows[key] != i]
        for i, known in repeated:
            values[i] = values[known]
        return RewardTable(
            session_keys=tuple(session_keys),
            hint_ids=tuple(hint_ids),
            base=values[:, 0],
            gains=values[:, 1:] - values[:, :1],
        )

    def close(self) -> None:
        """Let go of it."""
        self._db.close()


def _parts(scope: Scope) -> tuple[str, str, str]:
    return scope.model, scope.prompt_version, scope.metric
