"""How the rows of a table of items become items."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import RawItem
from re2llm.catalog.ingest.table import finish_table
from re2llm.catalog.ingest.tidy import item_id_of

_NUMBER = r"^-?(?:0|[1-9]\d{0,15})(?:\.\d+)?$"
_WHOLE = r"^-?\d+$"
_WORDS = frozenset(
    {"brand", "store", "category", "categories", "genre", "genres", "platform", "description"}
)
"""Columns that stay words, even where they hold nothing but digits."""


def table_items(
    frame: pl.DataFrame,
    path: Path,
    tally: Tally,
    *,
    item: str,
    title: str | None,
    attributes: Mapping[str, str],
) -> Iterator[RawItem]:
    """Yield the items of a table.

    Args:
        frame: text or typed columns, and `line`.
        path: where the rows are from.
        tally: told of rows without a usable id.
        item: the column with the ids.
        title: the column with the titles, if there is one.
        attributes: column by the attribute's name; columns of text that hold nothing but numbers
            become numbers.

    Raises:
        UserError: most rows have no usable id.
    """
    ids = [item_id_of(value) for value in text_ids(frame[item])]
    titles = [None] * len(frame) if title is None else frame[title].cast(pl.String).to_list()
    values = [_typed(frame[column], name).to_list() for name, column in attributes.items()]
    names = tuple(attributes)
    for place, item_id in enumerate(ids):
        if item_id is None:
            tally.bad(path, frame["line"][place], "has no usable item id")
            continue
        held = {name: column[place] for name, column in zip(names, values, strict=True)}
        yield RawItem(
            item_id=item_id,
            title=titles[place],
            attributes={name: value for name, value in held.items() if value is not None},
        )
    finish_table(path, tally)


def text_ids(ids: pl.Series) -> pl.Series:
    """Write ids as text; whole numbers that gaps in the column made floats lose their `.0`."""
    if ids.dtype.is_float() and ids.drop_nulls().is_finite().all():
        whole = ids.cast(pl.Int64, strict=False)
        if bool((whole.cast(pl.Float64) == ids.cast(pl.Float64)).all()):
            return whole.cast(pl.String)
    return ids.cast(pl.String)


def gather(frame: pl.DataFrame, key: str, value: str) -> dict[str, Sequence[str]]:
    """Collect the texts of one column by the texts of another, in order."""
    grouped = frame.group_by(key, maintain_order=True).agg(pl.col(value))
    return dict(grouped.iter_rows())


def _typed(column: pl.Series, name: str) -> pl.Series:
    if column.dtype != pl.String or name.lower() in _WORDS:
        return column
    column = column.str.strip_chars()
    column = column.set(column == "", None)
    filled = column.drop_nulls()
    if len(filled) and filled.str.contains(_NUMBER).all():
        return column.cast(pl.Int64 if filled.str.contains(_WHOLE).all() else pl.Float64)
    return column
