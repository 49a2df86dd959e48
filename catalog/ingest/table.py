"""How a table of text becomes columns: which rows are whole, and which fields make sense."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from re2llm.catalog.ingest.lines import read_fields
from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import LOG_SCHEMA
from re2llm.errors import UserError

_MILLISECONDS, _MICROSECONDS, _NANOSECONDS = 1e11, 1e14, 1e17
"""No data in seconds is from after the year 5138, none in milliseconds from before 1973."""
_CONTROLS = r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
_CAUSES = (
    "the fields are separated by something else",
    "the columns are not the ones that were named",
    "the file is another one, or damaged",
)


def read_table(
    path: Path,
    tally: Tally,
    *,
    separator: str,
    wanted: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    quoted: bool = False,
    fallback: str | None = None,
    loose: bool = False,
) -> pl.DataFrame:
    """Read a delimited file into text columns and `line`, the number of the row's line.

    Args:
        path: the file.
        tally: told of rows and bad rows.
        separator: between fields.
        wanted: the columns to keep, all of which must be there; None keeps all.
        names: the columns, for a file without a header line.
        quoted: whether fields may be quoted as in CSV.
        fallback: encoding of lines that are no UTF-8.
        loose: whether a row may lack fields behind the wanted ones, or have more.

    Raises:
        UserError: a wanted column is missing, or the file cannot be read.
    """
    frames: list[pl.DataFrame] = []
    for block in read_fields(path, tally, separator, fallback, quoted=quoted):
        if block.is_empty():
            continue
        if names is None:
            names = [name.strip() for name in block["fields"][0]]
            _require(path, names, wanted or ())
            block = block[1:]
        frames.append(_block(block, path, tally, names, wanted or names, loose=loose))
    if not frames:
        tally.finish(path, _CAUSES)  # Raises: there are no rows.
    return pl.concat(frames)


def finish_table(path: Path, tally: Tally) -> None:
    """Raise `UserError` where most rows of a table turned out bad."""
    tally.finish(path, _CAUSES)


def interactions(
    frame: pl.DataFrame,
    path: Path,
    tally: Tally,
    *,
    columns: Mapping[str, str],
    min_rating: float | None = None,
) -> pl.DataFrame:
    """Check rows and lay them out as `LOG_SCHEMA`.

    Args:
        frame: text or typed columns, and `line`.
        path: where the rows are from.
        tally: told of bad rows and of those rated too low.
        columns: column by meaning: `item`, and where known `user`, `session`, `time`, `rating`.
        min_rating: rows rated lower are left out.

    Raises:
        UserError: most rows are bad; or `min_rating` is given where there are no ratings.
    """
    texts = [meaning for meaning in ("item", "user", "session") if meaning in columns]
    taken = [
        pl.col(columns[meaning]).cast(pl.String).str.strip_chars().alias(meaning)
        for meaning in texts
    ]
    raw = frame.select(
        "line",
        *taken,
        *(pl.col(columns[m]).alias(f"raw_{m}") for m in ("time", "rating") if m in columns),
    )
    checks: list[pl.Expr] = []
    for meaning in texts:
        checks.append(
            pl.when(pl.col(meaning).fill_null("") == "").then(pl.lit(f"has no {meaning} id"))
        )
        checks.append(
            pl.when(pl.col(meaning).str.contains(_CONTROLS)).then(
                pl.lit(f"has control characters in its {meaning} id")
            )
        )
    if "time" in columns:
        raw = raw.with_columns(time=_seconds(raw["raw_time"]))
        checks.append(_unless(pl.col("time").is_finite(), "time", "is neither a number nor a date"))
        checks.append(_unless(pl.col("time") >= 0, "time", "is before 1970"))
    if min_rating is not None:
        if "rating" not in columns:
            raise UserError(
                f"min_rating {min_rating!r} was asked for, but {str(path)!r} has no ratings; "
                "leave it out, or name the column with the ratings"
            )
        raw = raw.with_columns(rating=pl.col("raw_rating").cast(pl.Float64, strict=False))
        checks.append(_unless(pl.col("rating").is_finite(), "rating", "is no number"))
    checked = raw.with_columns(problem=pl.coalesce(checks))
    tally.bad_frame(path, checked.filter(pl.col("problem").is_not_null()))
    finish_table(path, tally)
    good = checked.filter(pl.col("problem").is_null())
    if min_rating is not None:
        whole = len(good)
        good = good.filter(pl.col("rating") >= min_rating)
        tally.counts["interactions rated too low"] += whole - len(good)
    missing = [pl.lit(None).alias(name) for name in LOG_SCHEMA if name not in good.columns]
    log = good.with_columns(missing)
    if "user" not in texts:
        log = log.with_columns(user=pl.col("session"))
    return log.select(pl.col(name).cast(kind) for name, kind in LOG_SCHEMA.items())


def _block(
    block: pl.DataFrame,
    path: Path,
    tally: Tally,
    names: Sequence[str],
    wanted: Iterable[str],
    *,
    loose: bool,
) -> pl.DataFrame:
    places = {name: names.index(name) for name in wanted}
    needed = max(places.values()) + 1 if loose else len(names)
    found = pl.col("fields").list.len()
    whole = found >= needed if loose else found == needed
    tally.rows(path, len(block))
    bad = block.filter(~whole).select(
        "line", problem=pl.format(f"has {{}} fields where {needed} are expected", found)
    )
    tally.bad_frame(path, bad)
    return block.filter(whole).select(
        "line", *(pl.col("fields").list.get(place).alias(name) for name, place in places.items())
    )


def _require(path: Path, names: Sequence[str], wanted: Iterable[str]) -> None:
    for name in wanted:
        if name not in names:
            raise UserError(
                f"{str(path)!r} has no column {name!r}; its first line names "
                f"{', '.join(map(repr, names))[:300]}"
            )
    if len(set(names)) != len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise UserError(f"{str(path)!r} names the column {twice!r} twice; rename one of them")


def _unless(good: pl.Expr, name: str, problem: str) -> pl.Expr:
    shown = pl.col(f"raw_{name}").cast(pl.String).fill_null("").str.slice(0, 40)
    return pl.when(~good.fill_null(False)).then(pl.format(f"{name} '{{}}' {problem}", shown))


def _seconds(raw: pl.Series) -> pl.Series:
    """Read numbers (seconds, milli-, micro- or nanoseconds since 1970) or ISO dates (UTC)."""
    if raw.dtype.is_temporal():
        return raw.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
    numbers = raw.cast(pl.Float64, strict=False)
    if raw.dtype == pl.String and numbers.null_count():
        dates = raw.filter(numbers.is_null()).str.strip_chars().str.replace(r"Z$|\+00:00$", "")
        read = dates.str.to_datetime("%+", strict=False, time_unit="us").dt.replace_time_zone(None)
        for layout in (
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M",
        ):
            read = read.fill_null(dates.str.to_datetime(layout, strict=False, time_unit="us"))
        days = dates.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
        found = read.fill_null(days).dt.epoch("us").cast(pl.Float64) / 1e6
        places = numbers.is_null().arg_true()
        return _scaled(numbers).scatter(places, found)
    return _scaled(numbers)


def _scaled(numbers: pl.Series) -> pl.Series:
    middle = numbers.abs().median()
    if not isinstance(middle, float):
        return numbers
    for limit, unit in ((_NANOSECONDS, 1e9), (_MICROSECONDS, 1e6), (_MILLISECONDS, 1e3)):
        if middle >= limit:
            return numbers / unit
    return numbers
