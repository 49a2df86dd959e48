"""Changes applied: to a catalogue and a retriever that serve, and to a dataset for good."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from re2llm.catalog.changes import Change, read_changes
from re2llm.catalog.dataset import Dataset, dataset_of
from re2llm.catalog.dataset_files import Folded, read_files, read_frames, write_frames
from re2llm.catalog.dataset_frames import SESSION_SCHEMA, SPLITS, item_frame
from re2llm.catalog.items import Catalog, Item, removed
from re2llm.catalog.retrieve.additions import Retold
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.sessions import SessionLog


@dataclass(slots=True)
class Additions:
    """What came after an index was built.

    Attributes:
        changed: positions of items that are new or otherwise than then.
        sessions: by id: positions, oldest first, and when; one that is told again is as told last.
        looked_up: ids of sessions that were looked for in the dataset.
        known: those that it has.
    """

    changed: set[int] = field(default_factory=set)
    sessions: dict[str, tuple[list[int], float]] = field(default_factory=dict)
    looked_up: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    def apply(self, catalog: Catalog, changes: Iterable[Change]) -> None:
        """Put changes into the catalogue, and remember what they were about.

        An item that is to go stays, marked, since sessions name it. Of a session, items that the
        catalogue lacks do not count.
        """
        for change in changes:
            self.changed.update(catalog.put(item) for item in change.items)
            for item_id in change.remove:
                if (item := catalog.get(item_id)) is not None:
                    self.changed.add(catalog.put(removed(item)))
            for visit in change.sessions:
                found = (catalog.position(item_id) for item_id in visit.items)
                if places := [place for place in found if place is not None]:
                    self.sessions[visit.session_id] = (places, visit.timestamp)

    @property
    def weight(self) -> int:
        """Return how many items and sessions there are."""
        return len(self.changed) + len(self.sessions)

    def over(self, base: HybridRetriever, dataset: Dataset | None = None) -> HybridRetriever:
        """Return a retriever that knows what came after this one's index was built.

        Args:
            base: the one of that index.
            dataset: what that was built of: its sessions that were told again are left out; None
                where none of them was.
        """
        if not self.weight:
            return base
        rows = list(self.sessions.values())
        log = SessionLog.from_sequences([row for row, _ in rows], [when for _, when in rows])
        changed = np.array(sorted(self.changed), dtype=np.int64)
        return base.adding(changed, log, None if dataset is None else self._retold(dataset))

    def _retold(self, dataset: Dataset) -> Retold | None:
        if new := self.sessions.keys() - self.looked_up:
            self.looked_up |= new
            self.known.update(dataset.train_sessions.known(new))
        return dataset.retold(self.known) if self.known else None


def fold_changes(folder: Path, prepare: Callable[[Dataset], None]) -> bool:
    """Make a dataset of the one that counts and what came after it; false where nothing did.

    Sessions are learnt from: validation and test sessions stay as they were ingested. Positions of
    items stay as they are in every process that has the dataset and its log open.

    Args:
        folder: where the dataset lies.
        prepare: given the new dataset before it counts; builds its index.

    Raises:
        UserError: there is no dataset, it is damaged, or another one took its place meanwhile.
        OSError: the disk refuses; the folder is as it was.
    """
    state, frames, meta = read_frames(folder)
    changes, upto = read_changes(state.files)
    if not changes:
        return False
    catalog = Catalog(Item(item_id=i, title=t, attributes=a) for i, t, a in frames.items)
    additions = Additions()
    additions.apply(catalog, changes)
    splits = {name: getattr(frames, name) for name in SPLITS}
    splits["train"] = _with_sessions(frames.train, additions)
    write_frames(
        folder,
        items=item_frame(catalog),
        splits=splits,
        meta=meta,
        folded=Folded(state=state, upto=upto),
        prepare=lambda new: prepare(dataset_of(new, read_files(new.files), meta)),
    )
    return True


def _with_sessions(train: pl.DataFrame, additions: Additions) -> pl.DataFrame:
    timed = train["timestamp"].null_count() == 0
    rows = [
        (
            session_id,
            places if len(places) == 1 else places[:-1],
            None if len(places) == 1 else places[-1],
            None,
            when if timed else None,
        )
        for session_id, (places, when) in additions.sessions.items()
    ]
    new = pl.DataFrame(rows, schema=SESSION_SCHEMA, orient="row")
    return pl.concat([train.filter(~pl.col("session_id").is_in(new["session_id"].implode())), new])
