"""Folds what came after a dataset into it, with the index built before the result counts.

`python -m re2llm.graph.rebuild WORKSPACE ENCODER` does it beside a service, which takes the result
over.
"""

import logging
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

from re2llm.catalog.additions import fold_changes
from re2llm.catalog.dataset import Dataset, open_dataset
from re2llm.catalog.dataset_files import Overtaken
from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.locks import locked_if_free
from re2llm.catalog.minilm import MiniLmEncoder
from re2llm.catalog.retrieve.index import IndexUnusable, check_index
from re2llm.errors import UserError
from re2llm.graph.retrieval import open_retrieval
from re2llm.settings import LEXICAL, MINILM
from re2llm.workspace import Workspace

_log = logging.getLogger(__name__)
_NICE = 10


def rebuild(workspace: Workspace, encoder: TextEncoder | None = None) -> bool:
    """Fold changes in and build the index that is missing or damaged; false if another does so.

    Raises:
        UserError: there is no dataset, or it is damaged.
        OSError: the disk refuses; what counts is as it was.
    """
    with locked_if_free(workspace.index / ".rebuild.lock") as mine:
        if not mine:
            return False
        try:
            if fold_changes(workspace.data, lambda new: _build(workspace, new, encoder)):
                return True
        except Overtaken as error:
            _log.info("%s; its index is built instead", error)
        dataset = open_dataset(workspace.data)
        retrieval = open_retrieval(workspace, dataset, encoder)
        try:
            check_index(retrieval.place)
        except IndexUnusable as error:
            _log.warning("%s", error)
            retrieval.place.rename(retrieval.place.with_name(f".old-{os.getpid()}"))
            open_retrieval(workspace, dataset, encoder)
        return True


def start_rebuild(workspace: Workspace, encoder: TextEncoder | None = None) -> None:
    """Start `rebuild` and do not wait for it.

    It runs in a process of its own, of low priority; in a thread where texts are sent to a server
    for their vectors, which mostly waits for that server.
    """
    if encoder is not None and not isinstance(encoder, MiniLmEncoder):
        threading.Thread(target=_try, args=(workspace, encoder), daemon=True).start()
        return
    name = LEXICAL if encoder is None else MINILM
    command = [sys.executable, "-m", "re2llm.graph.rebuild", str(workspace.root), name]
    run = partial(subprocess.run, command, stdin=subprocess.DEVNULL, check=False)
    threading.Thread(target=run, name="rebuild", daemon=True).start()


def _build(workspace: Workspace, dataset: Dataset, encoder: TextEncoder | None) -> None:
    open_retrieval(workspace, dataset, encoder)


def _try(workspace: Workspace, encoder: TextEncoder | None) -> bool:
    try:
        rebuild(workspace, encoder)
    except (UserError, OSError) as error:
        _log.warning("not rebuilt: %s", error)
        return False
    return True


def main() -> None:
    """Run from the command line; the exit status is 1 where it failed, 2 if asked amiss."""
    if len(sys.argv) != 3 or sys.argv[2] not in (LEXICAL, MINILM):
        sys.exit(2)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    encoder = MiniLmEncoder.load() if sys.argv[2] == MINILM else None
    sys.exit(not _try(Workspace(Path(sys.argv[1])), encoder))


if __name__ == "__main__":
    main()
