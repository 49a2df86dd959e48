"""How ids become positions in the catalogue, also those of items that nobody described."""

from collections.abc import Mapping, Sequence

import polars as pl

from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.tidy import untitled
from re2llm.catalog.items import Item

_LISTS = ("items", "candidates")


def add_unlisted(items: Sequence[Item], ids: pl.Series, tally: Tally) -> list[Item]:
    """Return the items, and after them one for every id that none of them has."""
    known = {item.item_id for item in items}
    unlisted = [item_id for item_id in ids.unique(maintain_order=True) if item_id not in known]
    if unlisted:
        tally.counts["items known from sessions only, without a title"] += len(unlisted)
    return [*items, *(Item(item_id=item_id, title=untitled(item_id)) for item_id in unlisted)]


def named_ids(splits: Mapping[str, pl.DataFrame]) -> pl.Series:
    """List every id that published sessions name."""
    parts = [
        ids
        for frame in splits.values()
        for ids in (*(frame[name].drop_nulls().explode() for name in _LISTS), frame["target"])
    ]
    return pl.concat([part.alias("item") for part in parts]).drop_nulls()


def place_log(log: pl.DataFrame, items: Sequence[Item]) -> pl.DataFrame:
    """Replace ids by positions in a log of interactions."""
    return log.with_columns(item=_position(pl.col("item"), items))


def place_sessions(
    frame: pl.DataFrame, items: Sequence[Item], max_length: int, tally: Tally
) -> pl.DataFrame:
    """Replace ids by positions in published sessions, and keep their latest items.

    Candidates that occur twice count once; a list that lacks the target stays as it was published.

    Args:
        frame: columns as in `PUBLISHED_SCHEMA`.
        items: the catalogue, with every id that the sessions name.
        max_length: items that are kept, target included.
        tally: told what is cut.
    """
    kept = max_length - 1
    if long := int((frame["items"].list.len() > kept).sum()):
        tally.counts["sessions cut to their latest items"] += long
    placed = frame.with_columns(
        items=pl.col("items").list.tail(kept).list.eval(_position(pl.element(), items)),
        target=_position(pl.col("target"), items),
        candidates=pl.col("candidates")
        .list.eval(_position(pl.element(), items))
        .list.unique(maintain_order=True),
    )
    if lacking := int((~placed["candidates"].list.contains(placed["target"])).sum()):
        tally.counts["sessions whose published candidates lack the target"] += lacking
    return placed


def _position(ids: pl.Expr, items: Sequence[Item]) -> pl.Expr:
    names = pl.Series([item.item_id for item in items], dtype=pl.String)
    places = pl.int_range(len(items), dtype=pl.UInt32, eager=True)
    return ids.replace_strict(names, places, return_dtype=pl.UInt32)
