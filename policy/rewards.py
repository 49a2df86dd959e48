"""What was ever paid for: the metric of a session asked with a hint, kept so as never to pay twice.

Values are kept, not differences: the base value of a session is one row (hint id ``""``), and a
reward is the value with the hint minus the base value.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
    """A SQLite file of values; safe from several threads, one connection."""

    def __init__(self, path: Path | str) -> None:
        """Open the file, or make it.

        Args:
            path: `:memory:` keeps nothing after `close`.

        Raises:
            UserError: the file cannot be opened, or is no SQLite file.
        """
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30.0)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise UserError(
                f"the reward store {str(path)!r} cannot be opened ({error}); move the file away to "
                "start a new one"
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
        with self._lock, self._connection:
            self._connection.executemany(
                "INSERT OR IGNORE INTO rewards VALUES (?, ?, ?, ?, ?, ?)",
                [(*_parts(scope), key, hint, float(value)) for key, hint, value in listed],
            )

    def find(self, scope: Scope, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], float]:
        """Return the values of these (session key, hint id), without those never paid for."""
        asked = (
            "SELECT value FROM rewards WHERE model = ? AND prompt_version = ? AND metric = ? "
            "AND session_key = ? AND hint_id = ?"
        )
        with self._lock:
            rows = {
                which: self._connection.execute(asked, (*_parts(scope), *which)).fetchone()
                for which in wanted
            }
        return {which: float(row[0]) for which, row in rows.items() if row is not None}

    def count(self, scope: Scope) -> int:
        """Count the values of this scope."""
        with self._lock:
            row = self._connection.execute(
                "SELECT COUNT(*) FROM rewards WHERE model = ? AND prompt_version = ? "
                "AND metric = ?",
                _parts(scope),
            ).fetchone()
        return int(row[0])

    def table(
        self, scope: Scope, session_keys: Sequence[str], hint_ids: Sequence[str]
    ) -> RewardTable:
        """Return what is known of these sessions under these hints, as arrays."""
        rows = {key: i for i, key in enumerate(session_keys)}
        columns = {hint: j for j, hint in enumerate((BASE, *hint_ids))}
        values = np.full((len(session_keys), len(columns)), np.nan)
        with self._lock:
            found = self._connection.execute(
                "SELECT session_key, hint_id, value FROM rewards "
                "WHERE model = ? AND prompt_version = ? AND metric = ?",
                _parts(scope),
            ).fetchall()
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
        """Let go of the file."""
        with self._lock:
            self._connection.close()


def _parts(scope: Scope) -> tuple[str, str, str]:
    return scope.model, scope.prompt_version, scope.metric
