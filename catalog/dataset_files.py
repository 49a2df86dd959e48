"""How a dataset lies on disk, and how a new one takes the place of the old in one step.

A folder holds `dataset.json`, which names the one sub-folder of Parquet files that counts. A new
dataset is written beside, moved in under a fresh name, and begins to count when `dataset.json` is
replaced: a process killed at any moment leaves the old dataset or the new one.
"""

import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from re2llm.catalog.changes import copy_tail
from re2llm.catalog.dataset_frames import (
    ITEM_SCHEMA,
    SESSION_SCHEMA,
    SPLITS,
    DatasetMeta,
    Frames,
)
from re2llm.catalog.dataset_state import (
    POINTER,
    VERSION,
    State,
    damaged,
    digest_of_files,
    lock_path,
    read_pointer,
    read_state,
    state_of,
)
from re2llm.catalog.durable import sync_folder
from re2llm.catalog.items import AttributeValue
from re2llm.catalog.locks import locked
from re2llm.errors import UserError

_STALE = 24 * 3600.0
"""Seconds after which leftovers of killed writers are swept up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What a new dataset was made of: an older one and the first part of its log, in bytes."""

    state: State
    upto: int


class Overtaken(UserError):
    """Another dataset was put in place while what came after the old one was folded in."""


def write_frames(
    folder: Path,
    *,
    items: pl.DataFrame,
    splits: Mapping[str, pl.DataFrame],
    meta: DatasetMeta,
    folded: Folded | None = None,
    prepare: Callable[[State], None] | None = None,
) -> None:
    """Write a dataset and make it the one that counts.

    Args:
        folder: where it lies.
        items: as in `ITEM_SCHEMA`.
        splits: as in `SESSION_SCHEMA`, by name.
        meta: about it.
        prepare: told where the new files are, before they count.
        folded: what it was made of; the rest of that log goes on beside the new dataset. Without
            it the log of the old dataset goes with the old dataset.

    Raises:
        Overtaken: what it was made of does not count any more; the folder is as it was.
        UserError: `folder` is a file, or holds other things than a dataset.
        OSError: the disk refuses; the folder is as it was.
    """
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent, f".{folder.name}-*")
    staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        staged.chmod(0o755)
        generation = f"files-{uuid.uuid4().hex[:12]}"
        (staged / generation).mkdir()
        for name, frame in {"items": items, **splits}.items():
            _write(staged / generation / f"{name}.parquet", frame)
        sync_folder(staged / generation)
        digest = digest_of_files(staged / generation)
        origin = digest if folded is None else folded.state.origin
        own = {"files": generation, "digest": digest, "origin": origin}
        pointer = {"version": VERSION, **own, **asdict(meta)}
        _write_text(staged / POINTER, json.dumps(pointer, ensure_ascii=False, indent=1))
        sync_folder(staged)
        if prepare is not None:
            prepare(State(files=staged / generation, digest=digest, origin=origin))
        with locked(lock_path(folder)):
            _take_place(staged, folder, generation, folded)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def read_frames(folder: Path) -> tuple[State, Frames, DatasetMeta]:
    """Read the dataset that counts; raises `UserError` as `open_dataset` says."""
    for attempt in (1, 2):
        pointer = read_pointer(folder)
        files = folder / str(pointer["files"])
        try:
            return state_of(files, pointer), read_files(files), _meta(pointer)
        except FileNotFoundError as error:
            # A writer may have put a new dataset in place between the two reads.
            if attempt == 2:
                raise damaged(folder, str(error)) from error
        except (pl.exceptions.PolarsError, ValueError, KeyError, TypeError, OSError) as error:
            raise damaged(folder, str(error)) from error
    raise AssertionError("unreachable")


def _take_place(staged: Path, folder: Path, generation: str, folded: Folded | None) -> None:
    if folded is not None:
        if read_state(folder).files != folded.state.files:
            raise Overtaken(f"the dataset in {str(folder)!r} was replaced meanwhile")
        copy_tail(folded.state.files, folded.upto, staged / generation)
        sync_folder(staged / generation)
    if not folder.exists():
        staged.rename(folder)
        sync_folder(folder.parent)
        return
    pointer = folder / POINTER
    old = read_pointer(folder)["files"] if pointer.exists() else None
    (staged / generation).rename(folder / generation)
    sync_folder(folder)
    (staged / POINTER).replace(pointer)
    sync_folder(folder)
    if old is not None:
        shutil.rmtree(folder / str(old), ignore_errors=True)
    _sweep(folder, "files-*", keep=generation)


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{str(folder)!r} is a file; name a folder to put the data into")
    if folder.is_dir() and not (folder / POINTER).exists():
        others = [entry.name for entry in folder.iterdir() if not entry.name.startswith("files-")]
        if others:
            raise UserError(
                f"the folder {str(folder)!r} holds other things ({sorted(others)[0]!r}, ...); "
                "name an empty or a new folder, so that nothing of yours is touched"
            )


def _sweep(folder: Path, pattern: str, keep: str | None = None) -> None:
    """Remove what killed writers left long ago; what is fresh may still be written."""
    for entry in folder.glob(pattern):
        if entry.name != keep and entry.is_dir() and time.time() - entry.stat().st_mtime > _STALE:
            shutil.rmtree(entry, ignore_errors=True)


def _write(path: Path, frame: pl.DataFrame) -> None:
    with path.open("wb") as file:
        frame.write_parquet(file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _meta(pointer: Mapping[str, object]) -> DatasetMeta:
    counts = pointer["counts"]
    if not isinstance(counts, dict):
        raise TypeError(f"'counts' of {POINTER} is no object")
    return DatasetMeta(
        name=str(pointer["name"]),
        source_format=str(pointer["source_format"]),
        split=str(pointer["split"]),
        candidates=str(pointer["candidates"]),
        counts={str(name): int(count) for name, count in counts.items()},
    )


def read_files(files: Path) -> Frames:
    """Read the files of a dataset; raises as polars does where one is damaged."""
    items = _columns(files / "items.parquet", ITEM_SCHEMA)
    splits = {name: _columns(files / f"{name}.parquet", SESSION_SCHEMA) for name in SPLITS}
    for name, frame in splits.items():
        entries = (frame["items"].list.max(), frame["candidates"].list.max(), frame["target"])
        highest = max((int(top) for e in entries if isinstance(top := e.max(), int)), default=-1)
        if highest >= len(items):
            raise ValueError(f"{name}.parquet names item {highest} of {len(items)}")
    return Frames(items=[_item(*row) for row in items.iter_rows()], **splits)


def _columns(path: Path, schema: pl.Schema) -> pl.DataFrame:
    # Read through a handle: polars words a missing file in its own way otherwise.
    with path.open("rb") as file:
        frame = pl.read_parquet(file)
    if frame.schema != schema:
        raise ValueError(f"{path.name} holds {frame.schema!r} where {schema!r} is expected")
    return frame


def _item(item_id: str, title: str, raw: str) -> tuple[str, str, dict[str, AttributeValue]]:
    if raw == "{}":
        return item_id, title, {}
    read = json.loads(raw)
    return (
        item_id,
        title,
        {name: tuple(v) if isinstance(v, list) else v for name, v in read.items()},
    )
