"""How items and sessions are laid out in columns, and what is told about a dataset."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from re2llm.catalog.items import AttributeValue, Catalog
from re2llm.catalog.sessions import Session

SPLITS = ("train", "valid", "test")
ITEM_SCHEMA = pl.Schema({"item_id": pl.String, "title": pl.String, "attributes": pl.String})
"""`attributes` is a JSON object."""
SESSION_SCHEMA = pl.Schema(
    [
        ("session_id", pl.String()),
        ("items", pl.List(pl.UInt32())),
        ("target", pl.UInt32()),
        ("candidates", pl.List(pl.UInt32())),
        ("timestamp", pl.Float64()),
    ]
)
"""Items are positions in the catalogue; target, candidates and timestamp may be null."""
ItemRow = tuple[str, str, dict[str, AttributeValue]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetMeta:
    """Where a dataset is from, and how it was made.

    Attributes:
        source_format: name of the format that it was read from.
        split: how training, validation and test were told apart, in words.
        candidates: where the candidate lists are from, in words.
        counts: what was found, mended, left out and refused, by plain names.
    """

    name: str
    source_format: str
    split: str
    candidates: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """What the files hold; sessions as in `SESSION_SCHEMA`."""

    items: Sequence[ItemRow]
    train: pl.DataFrame
    valid: pl.DataFrame
    test: pl.DataFrame


def item_frame(catalog: Catalog) -> pl.DataFrame:
    """Lay items out as in `ITEM_SCHEMA`."""
    rows = [
        (item.item_id, item.title, json.dumps(dict(item.attributes), ensure_ascii=False))
        for item in catalog
    ]
    return pl.DataFrame(rows, schema=ITEM_SCHEMA, orient="row")


def session_frame(sessions: Sequence[Session], catalog: Catalog) -> pl.DataFrame:
    """Lay sessions out as in `SESSION_SCHEMA`; raises `ValueError` where an item is unknown."""

    def at(item_id: str, session: Session) -> int:
        position = catalog.position(item_id)
        if position is None:
            raise ValueError(
                f"session {session.session_id!r} names item {item_id!r}, which the catalogue lacks"
            )
        return position

    rows = [
        (
            session.session_id,
            [at(item, session) for item in session.items],
            None if session.target is None else at(session.target, session),
            [at(item, session) for item in session.candidates] if session.candidates else None,
            session.timestamp,
        )
        for session in sessions
    ]
    return pl.DataFrame(rows, schema=SESSION_SCHEMA, orient="row")
