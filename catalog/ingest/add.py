"""From somebody's files on to the data that is there: new items, changed ones, more sessions."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from re2llm.catalog.additions import Additions
from re2llm.catalog.changes import Change, Visit, append_change, read_changes
from re2llm.catalog.dataset import Dataset, open_dataset
from re2llm.catalog.dataset_state import lock_path, read_state
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.report import IngestReport, Progress
from re2llm.catalog.ingest.tidy import untitled
from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.locks import locked

T = TypeVar("T")
_STEP = 1000
"""Items or sessions per line of the log."""


def add(
    source: Path, folder: Path, options: IngestOptions, progress: Progress | None = None
) -> IngestReport:
    """Read a source and add it to the dataset of the folder; whoever has it open sees it.

    Items that the source tells of are from now on as it tells; those that it only names stay as
    they are. All its sessions are learnt from; adding a source of the same name again replaces
    what it added before.

    Raises:
        UserError: as `ingest`, or there is no dataset to add to. Nothing was added.
        OSError: the disk refuses; what was added until then stays.
    """
    there = _now(folder)
    with tempfile.TemporaryDirectory() as aside:
        report = ingest(source, Path(aside) / "data", options, progress)
        found = open_dataset(Path(aside) / "data")
    items = [item for item in found.catalog if _tells(item, there)]
    sessions = list(_visits(found, source.resolve().name, time.time()))
    with locked(lock_path(folder)):
        files = read_state(folder).files
        for some in _steps(items):
            append_change(files, Change(items=tuple(some)))
        for visits in _steps(sessions):
            append_change(files, Change(sessions=tuple(visits)))
    return report


def _now(folder: Path) -> Catalog:
    dataset = open_dataset(folder)
    if dataset.state is not None:
        Additions().apply(dataset.catalog, read_changes(dataset.state.files)[0])
    return dataset.catalog


def _tells(item: Item, there: Catalog) -> bool:
    named_only = not item.attributes and item.title == untitled(item.item_id)
    return item != there.get(item.item_id) and not (named_only and item.item_id in there)


def _visits(found: Dataset, name: str, now: float) -> Iterator[Visit]:
    for split in (found.train_sessions, found.valid, found.test):
        for session in split:
            target = () if session.target is None else (session.target,)
            yield Visit(
                session_id=f"{name}/{session.session_id}",
                items=(*session.items, *target),
                timestamp=now if session.timestamp is None else session.timestamp,
            )


def _steps(entries: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(entries), _STEP):
        yield entries[start : start + _STEP]
