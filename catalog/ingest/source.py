"""What a format's reader hands over, and what a format is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from re2llm.catalog.ingest.options import IngestOptions, Rule
from re2llm.catalog.ingest.report import Tally

LOG_SCHEMA = pl.Schema(
    [("user", pl.String()), ("item", pl.String()), ("time", pl.Float64()), ("session", pl.String())]
)
"""Interactions; `time` in seconds since 1970. `time` and `session` are null where unknown."""
PUBLISHED_SCHEMA = pl.Schema(
    [
        ("session_id", pl.String()),
        ("items", pl.List(pl.String())),
        ("target", pl.String()),
        ("candidates", pl.List(pl.String())),
        ("timestamp", pl.Float64()),
    ]
)
"""Sessions that come ready; `candidates` and `timestamp` are null where unknown."""
WHOLE = "sessions"
"""Name of the one split of sessions that nobody has split yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawItem:
    """An item as a source tells it, before cleaning; ids are clean already."""

    item_id: str
    title: str | None
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """Who took what and when (`LOG_SCHEMA`), and what usually ends a session in such data."""

    items: Iterable[RawItem]
    log: pl.DataFrame
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Sessions that were cut by others (`PUBLISHED_SCHEMA`): train, valid and test, or `WHOLE`."""

    items: Iterable[RawItem]
    splits: Mapping[str, pl.DataFrame]


Source = Interactions | Published


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way that data comes.

    Attributes:
        name: what a person calls it.
        looks_like: the files that tell it, for messages.
        detect: whether a file or folder is of this format, by names and first lines alone.
        read: reads it; raises `UserError` where files or columns are missing or most rows are bad.
    """

    name: str
    looks_like: str
    detect: Callable[[Path], bool]
    read: Callable[[Path, IngestOptions, Tally], Source]
