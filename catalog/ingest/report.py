"""What an ingest found: counted while it reads, and told when it is done."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from re2llm.errors import UserError

Progress = Callable[[int, int], None]
"""Told how many bytes are read, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that was left out: where it is, and why. Lines count from 1."""

    file: str
    line: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What came in, and what did not.

    Attributes:
        sessions: how many per split.
        split: how the splits were told apart, in words.
        candidates: where the candidate lists are from, in words.
        counts: what was mended or left out, by plain names; only what occurred.
        bad_rows: how many rows were left out because they could not be read.
        first_bad: the first of them.
    """

    format: str
    items: int
    sessions: Mapping[str, int]
    split: str
    candidates: str
    counts: Mapping[str, int]
    bad_rows: int
    first_bad: tuple[BadRow, ...]
    seconds: float


class Tally:
    """Counts what is read, mended and refused, and stops where most of a file makes no sense."""

    def __init__(self, keep_bad: int = 20, progress: Progress | None = None) -> None:
        """Start from nothing."""
        self.counts: Counter[str] = Counter()
        self.bad_rows = 0
        self.first_bad: list[BadRow] = []
        self._keep = keep_bad
        self._progress = progress
        self._expected = self._done = 0
        self._rows: Counter[str] = Counter()
        self._bad: Counter[str] = Counter()
        self._example: dict[str, BadRow] = {}

    def expect(self, files: Iterable[Path]) -> None:
        """Announce files that will be read, so that progress has a total."""
        self._expected += sum(path.stat().st_size for path in files)

    def read_bytes(self, count: int) -> None:
        """Note progress."""
        self._done += count
        if self._progress is not None:
            self._progress(min(self._done, self._expected), self._expected)

    def rows(self, path: Path, count: int) -> None:
        """Note rows seen, good or bad."""
        self._rows[path.name] += count

    def bad(self, path: Path, line: int, problem: str) -> None:
        """Note a row that is left out."""
        self._note(BadRow(file=path.name, line=line, problem=problem))
        self.bad_rows += 1
        self._bad[path.name] += 1

    def bad_frame(self, path: Path, rows: pl.DataFrame) -> None:
        """Note rows that are left out; columns `line` and `problem`."""
        for line, problem in rows.select("line", "problem").head(self._keep + 1).iter_rows():
            self._note(BadRow(file=path.name, line=line, problem=problem))
        self.bad_rows += len(rows)
        self._bad[path.name] += len(rows)

    def finish(self, path: Path, causes: Sequence[str]) -> None:
        """Look back on a file.

        Raises:
            UserError: more than half of its rows were bad, or it had none.
        """
        rows, bad = self._rows[path.name], self._bad[path.name]
        if rows == 0:
            raise UserError(
                f"the file {str(path)!r} holds no rows; is it the right one, and whole?"
            )
        if 2 * bad > rows:
            first = self._example[path.name]
            raise UserError(
                f"{bad} of the {rows} rows of {str(path)!r} cannot be read; the first is line "
                f"{first.line}: {first.problem}. Likely causes: {'; '.join(causes)}"
            )

    def _note(self, row: BadRow) -> None:
        self._example.setdefault(row.file, row)
        if len(self.first_bad) < self._keep:
            self.first_bad.append(row)
