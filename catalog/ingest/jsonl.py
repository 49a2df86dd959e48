"""Our own format: a folder of JSON lines, items in one file and sessions in others."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from re2llm.catalog.ingest.lines import read_json
from re2llm.catalog.ingest.nested import nested
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import PUBLISHED_SCHEMA, WHOLE, Format, Published, RawItem
from re2llm.catalog.ingest.tidy import item_id_of
from re2llm.errors import UserError

NAME = "jsonl"
_ITEMS = "items.jsonl"

Row = tuple[str, list[str], str, list[str] | None, float | None]


class BadRecord(ValueError):
    """A line of JSON that cannot be used; the message says why."""


def detect(source: Path) -> bool:
    """Look for the file of items and one of sessions."""
    names = (f"{name}.jsonl" for name in ("train", WHOLE))
    return (source / _ITEMS).is_file() and any((source / name).is_file() for name in names)


def read(source: Path, options: IngestOptions, tally: Tally) -> Published:
    """Read items and sessions; a session without a target gives its last item as one.

    Raises:
        UserError: a file is missing, or most of one cannot be read.
    """
    items = source / _ITEMS
    files = _session_files(source, options)
    for path in (items, *files.values()):
        if not path.is_file():
            raise UserError(
                f"{str(source)!r} has no file {path.name!r}; format {NAME!r} needs {LOOKS_LIKE}"
            )
    tally.expect((items, *files.values()))
    return Published(
        items=_items(items, tally),
        splits={name: _sessions(path, tally) for name, path in files.items()},
    )


def _session_files(source: Path, options: IngestOptions) -> dict[str, Path]:
    whole = source / f"{WHOLE}.jsonl"
    if whole.is_file() and not (source / "train.jsonl").is_file():
        return {WHOLE: whole}
    test = options.test_file or "test.jsonl"
    return {
        "train": source / "train.jsonl",
        "valid": source / "valid.jsonl",
        "test": source / test,
    }


def _items(path: Path, tally: Tally) -> Iterator[RawItem]:
    for line, record in read_json(path, tally):
        item_id = item_id_of(record.get("item_id"))
        attributes = record.get("attributes") or {}
        if item_id is None:
            tally.bad(path, line, f"has no usable 'item_id': {record.get('item_id')!r:.60}")
        elif not isinstance(attributes, Mapping):
            tally.bad(path, line, f"'attributes' is no object: {attributes!r:.60}")
        else:
            title = record.get("title")
            yield RawItem(
                item_id=item_id,
                title=title if isinstance(title, str) else None,
                attributes=attributes,
            )
    tally.finish(path, ("the file holds no items", "their ids are not under 'item_id'"))


def _sessions(path: Path, tally: Tally) -> pl.DataFrame:
    rows: list[Row] = []
    seen: set[str] = set()
    for line, record in read_json(path, tally):
        try:
            row = _session(record, f"{path.stem}-{line}", tally)
        except BadRecord as error:
            tally.bad(path, line, str(error))
            continue
        if row[0] in seen:
            tally.bad(path, line, f"repeats the session id {row[0]!r:.60}")
            continue
        seen.add(row[0])
        rows.append(row)
    tally.finish(path, ("the file holds no sessions", "their items are not a list under 'items'"))
    ids, items, targets, candidates, times = zip(*rows, strict=True)
    columns = {
        "session_id": ids,
        "items": nested(items, pl.String()),
        "target": targets,
        "candidates": nested(candidates, pl.String()),
        "timestamp": times,
    }
    return pl.DataFrame(columns, schema=PUBLISHED_SCHEMA)


def _session(record: Mapping[str, object], default_id: str, tally: Tally) -> Row:
    raw_id = record.get("session_id")
    session_id = default_id if raw_id is None else item_id_of(raw_id)
    if session_id is None:
        raise BadRecord(f"has no usable 'session_id': {raw_id!r:.60}")
    items = _ids(record.get("items"), "items")
    target = record.get("target")
    if target is None:
        if len(items) < 2:
            raise BadRecord("has no target, and fewer than two items to take one from")
        *items, last = items
        tally.counts["sessions without a target, which their last item became"] += 1
        target = last
    target_id = item_id_of(target)
    if target_id is None:
        raise BadRecord(f"has no usable 'target': {target!r:.60}")
    given = record.get("candidates")
    candidates = _ids(given, "candidates") if given else None
    return session_id, items, target_id, candidates, _time(record.get("timestamp"))


def _ids(raw: object, name: str) -> list[str]:
    if not isinstance(raw, list):
        raise BadRecord(f"{name!r} is no list but {raw!r:.60}")
    return list(_usable(raw, name))


def _usable(raw: Iterable[object], name: str) -> Iterator[str]:
    for entry in raw:
        item_id = item_id_of(entry)
        if item_id is None:
            raise BadRecord(f"{name!r} holds {entry!r:.60}, which is no item id")
        yield item_id


def _time(raw: object) -> float | None:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise BadRecord(f"'timestamp' is no number but {raw!r:.60}")
    if not (math.isfinite(raw) and raw >= 0):
        raise BadRecord(f"'timestamp' {raw!r} is no time in seconds since 1970")
    return float(raw)


LOOKS_LIKE = (
    "a folder with items.jsonl and train.jsonl, valid.jsonl, test.jsonl "
    "(or sessions.jsonl, to be split here)"
)
FORMAT = Format(name=NAME, looks_like=LOOKS_LIKE, detect=detect, read=read)
