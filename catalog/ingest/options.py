"""What a person may say about how data is read, cut into sessions and split."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from re2llm.errors import UserError

Rule = Literal["gap", "day", "user", "session"]
"""What ends a session: a pause, the end of the day (UTC), nothing, or the data's own session id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of a CSV or Parquet file is what; None leaves it to the usual names."""

    item: str | None = None
    user: str | None = None
    session: str | None = None
    time: str | None = None
    rating: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How to read a source.

    Attributes:
        format: name of the format; None finds it out.
        test_file: for folders of JSON lines: the file with the test sessions, if not `test.jsonl`.
        items_file: for CSV and Parquet: the table of items.
        columns: for CSV and Parquet: names of the columns.
        rule: what ends a session; None takes what is usual for the format. Data that comes in
            sessions already stays as it is.
        gap_minutes: the pause that ends a session under the rule `gap`.
        max_length: items of a session that are kept, the latest ones, target included.
        min_rating: interactions rated lower do not count.
        valid_share: share of the sessions that goes into validation.
        test_share: share of the sessions, the last to end, that goes into the test.
        negatives: items drawn at random beside the target, for sessions without published
            candidates; None draws as many as the published lists of the data hold, or 49.
        seed: of that draw.
        keep_bad: how many bad rows the report shows.
    """

    format: str | None = None
    test_file: str | None = None
    items_file: Path | None = None
    columns: Columns = field(default_factory=Columns)
    rule: Rule | None = None
    gap_minutes: float = 30.0
    max_length: int = 50
    min_rating: float | None = None
    valid_share: float = 0.1
    test_share: float = 0.1
    negatives: int | None = None
    seed: int = 0
    keep_bad: int = 20

    def check(self) -> None:
        """Raise `UserError` for the first option that makes no sense."""
        if self.rule is not None and self.rule not in get_args(Rule):
            known = ", ".join(get_args(Rule))
            raise UserError(f"rule {self.rule!r} is unknown; use one of {known}")
        if not self.gap_minutes > 0:
            raise UserError(f"gap_minutes must be above 0, not {self.gap_minutes!r}")
        if self.max_length < 2:
            raise UserError(
                f"max_length must be at least 2 (an item and a target), not {self.max_length!r}"
            )
        shares = (self.valid_share, self.test_share)
        if not (all(0 < share < 1 for share in shares) and sum(shares) < 1):
            raise UserError(
                f"valid_share {shares[0]!r} and test_share {shares[1]!r} must be above 0 and leave "
                "something to train on; try 0.1 and 0.1"
            )
        if self.negatives is not None and self.negatives < 1:
            raise UserError(f"negatives must be at least 1, not {self.negatives!r}")
        if self.seed < 0 or self.keep_bad < 0:
            raise UserError("seed and keep_bad must not be negative")
