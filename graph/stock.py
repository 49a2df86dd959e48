"""What a shop sells right now: changes are kept, seen at once, and folded in for good later.

A change is on disk before it is told to be done. Every process that has the workspace open sees it:
the one that made it at once, the others within half a second. A new dataset, be it ingested or made
of the old one and its changes, is opened beside the old one and takes its place between two
requests; none waits for it.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from re2llm.catalog.additions import Additions
from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.changes import Change, append_change, log_size, read_changes
from re2llm.catalog.dataset import Dataset, open_dataset
from re2llm.catalog.dataset_state import lock_path, read_state
from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.items import REMOVED, LiveCatalog
from re2llm.catalog.locks import locked
from re2llm.catalog.retrieve.index import HybridRetriever, IndexUnusable, check_index, sweep
from re2llm.errors import UserError
from re2llm.graph.retrieval import Retrieval, open_retrieval
from re2llm.workspace import Workspace

_log = logging.getLogger(__name__)
POLL = 0.5
"""Seconds between two looks at the disk."""
MANY = 5000
"""So many changed items and new sessions are folded into a new index in the background."""

Rebuild = Callable[[Workspace, TextEncoder | None], object]


class Stock:
    """The catalogue and the retriever that serve, as they are now. Threads may share it."""

    def __init__(
        self,
        workspace: Workspace,
        dataset: Dataset,
        *,
        encoder: TextEncoder | None = None,
        rebuild: Rebuild | None = None,
    ) -> None:
        """Open the index of a dataset and what came after it.

        Args:
            workspace: where they lie.
            dataset: what was opened there.
            encoder: makes vectors of texts; None for the lexical one, which belongs to the index.
            rebuild: folds many changes in, beside this process; nobody does where there is none.

        Raises:
            UserError: the log of changes is damaged.
            OSError: the disk refuses.
        """
        self.catalog = LiveCatalog(dataset.catalog)
        self._workspace = workspace
        self._encoder = encoder
        self._rebuild = rebuild
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._watcher: threading.Thread | None = None
        self._checked: object = None
        self.dataset = replace(dataset, catalog=self.catalog)
        self.retrieval, self.retriever = self._open(dataset)

    def _open(self, dataset: Dataset) -> tuple[Retrieval, HybridRetriever]:
        """Open an index and add what came later; from then on these are what is added to."""
        retrieval = open_retrieval(self._workspace, dataset, self._encoder)
        sweep(retrieval.place)
        changes, end = read_changes(dataset.state.files) if dataset.state else ([], 0)
        additions = Additions()
        additions.apply(dataset.catalog, changes)
        self._state, self._end, self._additions = dataset.state, end, additions
        self._base = dataset
        return retrieval, additions.over(retrieval.retriever, dataset)

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        """Find candidates; see `HybridRetriever.retrieve`."""
        return self.retriever.retrieve(query, n)

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        """Score given items; see `HybridRetriever.score`."""
        return self.retriever.score(query, item_ids)

    def change(self, change: Change) -> None:
        """Keep a change and see it; when this returns it is on disk and served.

        Raises:
            UserError: the dataset is gone or damaged.
            OSError: the disk refuses; nothing has changed.
        """
        with locked(lock_path(self._workspace.data)):
            append_change(read_state(self._workspace.data).files, change)
        self.refresh()

    def remove(self, item_ids: Sequence[str]) -> list[str]:
        """Take items out of sale for good; return those that were there. Raises as `change`."""
        found = [one for one in item_ids if self.sells(one)]
        if found:
            self.change(Change(remove=tuple(found)))
        return found

    def sells(self, item_id: str) -> bool:
        """Say whether the shop has this item, in stock or out of it."""
        item = self.catalog.now.get(item_id)
        return item is not None and not item.attributes.get(REMOVED)

    @property
    def pending(self) -> int:
        """Return how many changed items and new sessions are not folded in yet."""
        return self._additions.weight

    def refresh(self) -> bool:
        """Take over what came since the last look; false where nothing did. Raises as `change`."""
        with self._lock:
            if self._state is None:
                return False
            state = read_state(self._workspace.data)
            if state.files != self._state.files:
                dataset = open_dataset(self._workspace.data)
                self.retrieval, retriever = self._open(dataset)
                self.catalog.become(dataset.catalog)
                self.retriever = retriever
                return True
            if log_size(state.files) <= self._end:
                return False
            changes, end = read_changes(state.files, self._end)
            self._additions.apply(self.catalog.now, changes)
            self.retriever = self._additions.over(self.retrieval.retriever, self._base)
            self._end = end
            return bool(changes)

    def watch(self) -> None:
        """Look at the disk again and again, in a thread, until `close`."""
        self._watcher = threading.Thread(target=self._watch, name="stock", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None

    def _watch(self) -> None:
        tried = 0.0
        while not self._ended.wait(POLL):
            try:
                self.refresh()
                self._check()
                if self._rebuild and self.pending >= MANY and time.monotonic() > tried:
                    tried = time.monotonic() + 60
                    self._rebuild(self._workspace, self._encoder)
            except (UserError, OSError) as error:
                _log.warning("what is sold is served as it was: %s", error)
                self._ended.wait(10 * POLL)

    def _check(self) -> None:
        """Read the whole index once after it was opened; build one that is damaged anew."""
        retrieval = self.retrieval
        if self._checked == retrieval.place:
            return
        self._checked = retrieval.place
        try:
            check_index(retrieval.place)
        except IndexUnusable as error:
            _log.warning("%s", error)
            if not retrieval.place.exists():
                return
            with self._lock:
                retrieval.place.rename(retrieval.place.with_name(f".old-{time.time_ns():x}"))
                dataset = open_dataset(self._workspace.data)
                self.retrieval, retriever = self._open(dataset)
                self.catalog.become(dataset.catalog)
                self.retriever = retriever
