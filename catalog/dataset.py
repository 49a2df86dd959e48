"""What a shop's data is once it is in: a catalogue, and sessions to learn from and to judge by."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from re2llm.catalog.dataset_files import read_frames, write_frames
from re2llm.catalog.dataset_frames import DatasetMeta, Frames, item_frame, session_frame
from re2llm.catalog.dataset_state import State
from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.retrieve.additions import Retold
from re2llm.catalog.retrieve.popularity import click_weights
from re2llm.catalog.sessions import Session, SessionLog

Positions = NDArray[np.uint32]
Ends = NDArray[np.int64]


class Sessions(Sequence[Session]):
    """Sessions in columns; a `Session` is made when it is asked for."""

    def __init__(self, frame: pl.DataFrame, catalog: Catalog) -> None:
        """Take a frame as `dataset_files` describes it, its positions being the catalogue's."""
        self._catalog = catalog
        self._ids = frame["session_id"]
        self._items, self._item_ends = _flat(frame["items"])
        self._candidates, self._candidate_ends = _flat(frame["candidates"])
        self._targets = frame["target"].cast(pl.Int64).fill_null(-1).to_numpy()
        self._timestamps = frame["timestamp"]

    def __len__(self) -> int:
        """Count the sessions."""
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> Session: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Session]: ...
    def __getitem__(self, index: int | slice) -> Session | Sequence[Session]:
        """Return one session, or a tuple of several."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"session {index} of {len(self)}")
        index %= len(self)
        target = int(self._targets[index])
        return Session(
            session_id=self._ids[index],
            items=self._named(self._items, self._item_ends, index),
            target=self._catalog.items[target].item_id if target >= 0 else None,
            candidates=self._named(self._candidates, self._candidate_ends, index) or None,
            timestamp=self._timestamps[index],
        )

    def known(self, session_ids: Collection[str]) -> list[str]:
        """Return those of these ids that there are."""
        return self._ids.filter(self._having(session_ids)).to_list()

    def log_rows(self, session_ids: Collection[str]) -> NDArray[np.int64]:
        """Return the rows, ascending, that these sessions have in the log, which is by time."""
        places = self._having(session_ids).arg_true().to_numpy()
        if not len(places) or self._timestamps.null_count():
            return places.astype(np.int64)
        stamps = self._timestamps.to_numpy()
        return np.sort(
            [(stamps < stamps[p]).sum() + (stamps[:p] == stamps[p]).sum() for p in places]
        )

    def _having(self, session_ids: Collection[str]) -> pl.Series:
        return self._ids.is_in(pl.Series(sorted(session_ids), dtype=pl.String).implode())

    def _named(self, flat: Positions, ends: Ends, index: int) -> tuple[str, ...]:
        items = self._catalog.items
        return tuple(items[p].item_id for p in flat[ends[index] : ends[index + 1]].tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A catalogue and its sessions, split by time.

    Attributes:
        train: the complete training sessions (targets included), as the retrievers read them.
        train_sessions: the same one at a time, with target and candidates.
        valid: sessions to fit weights and to judge hints by.
        test: sessions to report on, and for nothing else.
        state: which files these are; None where it was made in memory.
    """

    catalog: Catalog
    train: SessionLog
    train_sessions: Sessions
    valid: Sequence[Session]
    test: Sequence[Session]
    meta: DatasetMeta
    state: State | None = None

    def retold(self, session_ids: Collection[str]) -> Retold:
        """Return those of the training sessions that have these ids, as the log has them."""
        rows = self.train_sessions.log_rows(session_ids)
        ends = self.train.offsets
        own = [self.train.items[ends[row] : ends[row + 1]].tolist() for row in rows.tolist()]
        return Retold(
            rows=rows,
            log=SessionLog.from_sequences(own),
            worth=click_weights(self.train)[rows],
        )


def open_dataset(folder: Path) -> Dataset:
    """Open what `write_dataset` or an ingest left in the folder.

    Raises:
        UserError: nothing is there, or it is damaged or of another version.
    """
    return dataset_of(*read_frames(folder))


def dataset_of(state: State, frames: Frames, meta: DatasetMeta) -> Dataset:
    """Make a dataset of what its files hold."""
    catalog = Catalog(
        Item(item_id=item_id, title=title, attributes=attributes)
        for item_id, title, attributes in frames.items
    )
    train, valid, test = (
        Sessions(frame, catalog) for frame in (frames.train, frames.valid, frames.test)
    )
    return Dataset(
        catalog=catalog,
        train=_log(frames.train),
        train_sessions=train,
        valid=valid,
        test=test,
        meta=meta,
        state=state,
    )


def write_dataset(
    folder: Path,
    *,
    items: Sequence[Item],
    train: Sequence[Session],
    valid: Sequence[Session],
    test: Sequence[Session],
    meta: DatasetMeta,
) -> None:
    """Put the data into the folder in one go: whoever opens it sees the old or the new, whole.

    Raises:
        ValueError: two items share an id, or a session names an item that is not among the items.
        OSError: the disk refuses; the folder is as it was.
    """
    catalog = Catalog(items)
    splits = {"train": train, "valid": valid, "test": test}
    write_frames(
        folder,
        items=item_frame(catalog),
        splits={name: session_frame(sessions, catalog) for name, sessions in splits.items()},
        meta=meta,
    )


def digest_of(dataset: Dataset) -> str:
    """Return what tells a dataset from others; one that was made in memory is read for it."""
    if dataset.state is not None:
        return dataset.state.digest
    digest = hashlib.blake2b(dataset.train.items.tobytes(), digest_size=16)
    digest.update(dataset.train.offsets.tobytes())
    digest.update(fingerprint(dataset.catalog).encode())
    return digest.hexdigest()


def fingerprint(catalog: Catalog) -> str:
    """Return a digest of every item's id, title and attributes, in order; reads them all."""
    digest = hashlib.blake2b(digest_size=16)
    for item in catalog:
        digest.update(f"{item.item_id}\0{item.title}\0{dict(item.attributes)}\n".encode())
    return digest.hexdigest()


def _flat(lists: pl.Series) -> tuple[Positions, Ends]:
    """Return all entries one after the other, and where each list starts and ends."""
    lengths = lists.list.len().fill_null(0).to_numpy()
    ends = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    full = lists.filter(lists.list.len() > 0)
    return full.explode().to_numpy(), ends


def _log(train: pl.DataFrame) -> SessionLog:
    """Join targets to their sessions; order by time, or by place where no times are known."""
    whole = train.select(
        items=pl.when(pl.col("target").is_null())
        .then(pl.col("items"))
        .otherwise(pl.concat_list("items", pl.col("target").fill_null(0))),
        timestamp=pl.col("timestamp"),
    )
    if whole["timestamp"].null_count():
        whole = whole.with_columns(timestamp=pl.int_range(pl.len()).cast(pl.Float64))
    whole = whole.sort("timestamp", maintain_order=True)
    flat, ends = _flat(whole["items"])
    return SessionLog(
        items=flat.astype(np.int32),
        offsets=ends,
        timestamps=whole["timestamp"].to_numpy().astype(np.float64),
    )
