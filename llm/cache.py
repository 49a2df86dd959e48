"""Which answers were paid for already: a file of answers, found by what was asked."""

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from langchain_core.messages import BaseMessage

from re2llm.errors import UserError
from re2llm.llm.answer import Answer, Options, Schema
from re2llm.llm.usage import Usage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, tokens TEXT NOT NULL,
    input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    cost REAL NOT NULL, model TEXT NOT NULL, made REAL NOT NULL
) WITHOUT ROWID;
"""


def question_key(
    model: str, messages: Sequence[BaseMessage], schema: Schema | None, options: Options
) -> str:
    """Name a question by all that can change its answer; keys to servers are not among it."""
    asked = {
        "model": model,
        "messages": [[message.type, message.content] for message in messages],
        "schema": None if schema is None else schema.json,
        "options": [options.max_tokens, options.top_logprobs, options.sample],
    }
    text = json.dumps(asked, sort_keys=True, ensure_ascii=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a question")


class AnswerCache:
    """A SQLite file of answers; several processes may share it. Blocking."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises:
            UserError: the file cannot be opened, or is no SQLite file.
        """
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, timeout=30)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"the answer cache {str(path)!r} cannot be opened ({error}); move the file away"
            ) from error

    def get(self, key: str) -> Answer | None:
        """Return the answer of this key as a cache hit, which costs nothing."""
        with self._lock:
            row = self._db.execute(
                "SELECT text, tokens FROM answers WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        tokens = tuple((str(token), float(logprob)) for token, logprob in json.loads(row[1]))
        return Answer(text=row[0], usage=Usage(cache_hits=1), tokens=tokens)

    def put(self, key: str, answer: Answer, model: str) -> None:
        """Keep an answer; the first one stays."""
        usage = answer.usage
        with self._lock, self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    answer.text,
                    json.dumps(answer.tokens),
                    usage.input_tokens,
                    usage.cached_tokens,
                    usage.output_tokens,
                    usage.cost,
                    model,
                    time.time(),
                ),
            )

    def paid(self) -> Usage:
        """Return what all kept answers cost, each once."""
        with self._lock:
            row = self._db.execute(
                "SELECT COUNT(*), COALESCE(SUM(input_tokens), 0), COALESCE(SUM(cached_tokens), 0), "
                "COALESCE(SUM(output_tokens), 0), COALESCE(SUM(cost), 0) FROM answers"
            ).fetchone()
        return Usage(
            calls=row[0],
            input_tokens=row[1],
            cached_tokens=row[2],
            output_tokens=row[3],
            cost=row[4],
        )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
