"""Which answers were paid for already: answers, found by what was asked."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from langchain_core.messages import BaseMessage

from re2llm.database import DatabaseUnavailable, open_database, where_kept
from re2llm.errors import UserError
from re2llm.llm.answer import Answer, Options, Schema
from re2llm.llm.usage import Usage

_log = logging.getLogger(__name__)
_ANSWER = ("text", "tokens", "input_tokens", "cached_tokens", "output_tokens", "cost", "made")
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
    """Answers in a SQLite file or in Postgres; several processes may share it. Blocking.

    Where it stops answering, questions are asked anew and nothing is kept: a slate is worth more.
    """

    def __init__(self, path: Path, *, url: str | None = None) -> None:
        """Open or make it.

        Args:
            path: of the SQLite file.
            url: of a Postgres, in place of the file.

        Raises:
            UserError: it cannot be opened, or is no database.
        """
        try:
            self._db = open_database(path, _SCHEMA, url=url, durable=False)
        except DatabaseUnavailable as error:
            raise UserError(
                f"the answer cache in {where_kept(path, url)} cannot be opened ({error}); move the "
                "file away, or see to the server"
            ) from error

    def get(self, key: str) -> Answer | None:
        """Return the answer of this key as a cache hit, which costs nothing."""
        try:
            rows = self._db.read("SELECT text, tokens FROM answers WHERE key = ?", (key,))
        except DatabaseUnavailable as error:
            _log.warning("the answer cache does not answer: %s", error)
            return None
        if not rows:
            return None
        row = rows[0]
        tokens = tuple((str(token), float(logprob)) for token, logprob in json.loads(row[1]))
        return Answer(text=row[0], usage=Usage(cache_hits=1), tokens=tokens)

    def put(self, key: str, answer: Answer, model: str, *, instead: bool = False) -> None:
        """Keep an answer; the first one stays, unless this one is to stand `instead` of it."""
        usage = answer.usage
        row = (
            key,
            answer.text,
            json.dumps(answer.tokens),
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            usage.cost,
            model,
            time.time(),
        )
        taken = "DO NOTHING"
        if instead:
            sets = (f"{name} = excluded.{name}" for name in _ANSWER)
            taken = f"(key) DO UPDATE SET {', '.join(sets)}"
        try:
            self._db.write(f"INSERT INTO answers VALUES (?{', ?' * 8}) ON CONFLICT {taken}", row)
        except DatabaseUnavailable as error:
            _log.warning("an answer that was paid for could not be kept: %s", error)

    def paid(self) -> Usage:
        """Return what all kept answers cost, each once."""
        sums = ", ".join(
            f"CAST(COALESCE(SUM({name}), 0) AS BIGINT)"
            for name in ("input_tokens", "cached_tokens", "output_tokens")
        )
        row = self._db.read(f"SELECT COUNT(*), {sums}, COALESCE(SUM(cost), 0) FROM answers")[0]
        return Usage(
            calls=row[0],
            input_tokens=row[1],
            cached_tokens=row[2],
            output_tokens=row[3],
            cost=row[4],
        )

    def close(self) -> None:
        """Let go of it."""
        self._db.close()
