"""From somebody's files to a dataset: find the format, read, clean, cut, split, put in place.

Everything happens in memory until the last step, which replaces the old dataset whole: an ingest
that fails, wherever it fails, leaves the folder as it was.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from re2llm.catalog.dataset_files import write_frames
from re2llm.catalog.dataset_frames import SESSION_SCHEMA, SPLITS, DatasetMeta, item_frame
from re2llm.catalog.ingest.cut import cut_sessions, split_sessions
from re2llm.catalog.ingest.formats import find_format
from re2llm.catalog.ingest.negatives import add_candidates
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.place import add_unlisted, named_ids, place_log, place_sessions
from re2llm.catalog.ingest.report import IngestReport, Progress, Tally
from re2llm.catalog.ingest.source import WHOLE, Published, Source
from re2llm.catalog.ingest.tidy import tidy_items
from re2llm.catalog.items import Catalog, Item
from re2llm.errors import UserError

_NEGATIVES = 49
"""Drawn per session where nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """Sessions by split, with positions for ids, and how they were split, in words."""

    items: list[Item]
    splits: Mapping[str, pl.DataFrame]
    rule: str


def ingest(
    source: Path, folder: Path, options: IngestOptions, progress: Progress | None = None
) -> IngestReport:
    """Read a source and make it the dataset of the folder.

    Args:
        source: a file or folder in one of the formats that `formats` lists.
        folder: where `open_dataset` will find it; replaced in one step.
        options: how to read, cut and split.
        progress: told of bytes read.

    Raises:
        UserError: the source is of no known format, or cannot be used; the message says why and
            what to do. The folder is as it was.
        OSError: the disk refuses; the folder is as it was.
    """
    started = time.perf_counter()
    options.check()
    if not source.exists():
        raise UserError(f"there is no file or folder {str(source)!r}; check the path")
    form = find_format(source, options)
    tally = Tally(options.keep_bad, progress)
    read = form.read(source, options, tally)
    items = tidy_items(read.items, tally)
    parts = _parts(read, items, options, tally)
    drawn, words = _candidates(parts, options)
    write_frames(
        folder,
        items=item_frame(Catalog(parts.items)),
        splits=drawn,
        meta=DatasetMeta(
            name=source.resolve().stem,
            source_format=form.name,
            split=parts.rule,
            candidates=words,
            counts={**tally.counts, "bad rows left out": tally.bad_rows},
        ),
    )
    return IngestReport(
        format=form.name,
        items=len(parts.items),
        sessions={name: len(frame) for name, frame in drawn.items()},
        split=parts.rule,
        candidates=words,
        counts=dict(tally.counts),
        bad_rows=tally.bad_rows,
        first_bad=tuple(tally.first_bad),
        seconds=time.perf_counter() - started,
    )


def _parts(read: Source, items: list[Item], options: IngestOptions, tally: Tally) -> _Parts:
    if isinstance(read, Published):
        items = add_unlisted(items, named_ids(read.splits), tally)
        placed = {
            name: place_sessions(frame, items, options.max_length, tally)
            for name, frame in read.splits.items()
        }
        if WHOLE not in placed:
            return _Parts(items=items, splits=placed, rule="as published")
        sessions = placed[WHOLE]
        if sessions["timestamp"].null_count() == 0:
            sessions = sessions.sort("timestamp", maintain_order=True)
    else:
        items = add_unlisted(items, read.log["item"], tally)
        log = place_log(read.log, items)
        sessions = cut_sessions(log, options.rule or read.rule, options, tally)
    splits, rule = split_sessions(sessions, options)
    return _Parts(items=items, splits=splits, rule=rule)


def _candidates(parts: _Parts, options: IngestOptions) -> tuple[dict[str, pl.DataFrame], str]:
    """Complete the candidates, and lay the splits out as they are written."""
    empty = pl.lit(None, dtype=pl.List(pl.UInt32)).alias("candidates")
    splits = {
        name: frame if "candidates" in frame.columns else frame.with_columns(empty)
        for name, frame in parts.splits.items()
    }
    lengths = pl.concat([frame["candidates"].list.len() for frame in splits.values()])
    missing, usual = lengths.null_count(), lengths.drop_nulls().median()
    negatives = options.negatives
    if negatives is None:
        negatives = max(1, int(usual) - 1) if isinstance(usual, float) else _NEGATIVES
    rng = np.random.default_rng(options.seed)
    completed = {
        name: add_candidates(
            splits[name], items=len(parts.items), negatives=negatives, rng=rng
        ).select(pl.col(column).cast(kind) for column, kind in SESSION_SCHEMA.items())
        for name in SPLITS
    }
    drawn = f"the target and {negatives} items drawn at random, seed {options.seed}"
    if not missing:
        return completed, "as published"
    if missing == len(lengths):
        return completed, drawn
    return completed, f"as published; where there were none, {drawn}"
