"""The lasting knowledge base: an audit log in the workspace and a Chroma index over it."""

import logging
import shutil
from pathlib import Path
from types import TracebackType

import numpy as np
from chromadb.api.client import Client

from re2llm.catalog.encoder import TextEncoder
from re2llm.errors import UserError
from re2llm.kb_store.audit import AuditLog
from re2llm.kb_store.chroma_client import close_client, open_client
from re2llm.kb_store.chroma_index import PREFIX, ChromaIndex
from re2llm.kb_store.errors import IndexUnavailable
from re2llm.kb_store.late_index import REST, LateIndex
from re2llm.kb_store.lock import WriterLock
from re2llm.kb_store.logged import LoggedHintStore
from re2llm.kb_store.shelf import IN_USE

_log = logging.getLogger(__name__)


class ChromaHintStore(LoggedHintStore):
    """A `HintStore` in a folder: `hints.sqlite` (the record), `index/` and `lock`.

    Without a URL, Chroma is embedded and this process is the only one in the folder. With the URL
    of a Chroma server, the vectors live there and several processes of this machine may share the
    folder; where the record is in Postgres, also processes of several machines. A server that is
    away keeps nobody from opening the store, from reading or from writing: `mend` brings it up to
    date later.
    `repaired` says how many hints of the index had to be mended when the store was opened.
    """

    def __init__(
        self,
        folder: Path,
        encoder: TextEncoder,
        *,
        url: str | None = None,
        database: str | None = None,
        rebuild: bool = False,
    ) -> None:
        """Open or create the knowledge base, and mend the index where it and the log differ.

        Args:
            folder: made if it is not there.
            encoder: makes the vectors; must be the one that built the index.
            url: of a Chroma server, such as "http://127.0.0.1:8000".
            database: URL of a Postgres that keeps the record, in place of the file.
            rebuild: make the index anew from the log, with this encoder.

        Raises:
            UserError: the folder is in use or unusable, the URL is none, another encoder built the
                index, or the server does not answer when the index is to be made anew.
        """
        self._lock = None if url else WriterLock(folder / "lock")
        try:
            log = AuditLog(folder / "hints.sqlite", url=database)
        except BaseException:
            self._release()
            raise
        name = PREFIX + log.identity
        index = LateIndex(
            lambda: _readable(open_client(folder / "index", url), name, encoder),
            rest=REST if url else 0.0,
        )
        shared = url is not None or database is not None
        super().__init__(log, encoder, index, shared=shared, own_index=url is None)
        self._chroma = index
        self._apart = False
        try:
            if rebuild:
                _anew(folder / "index", url, name)
            self.repaired = self._agreed(folder / "index")
            if url is None and not self._seen:
                self._tell_of_a_lost_record(folder)
        except BaseException:
            self.close()
            raise

    def rebuild(self) -> int:
        """Make the index anew from the log; returns how many hints it holds.

        Raises:
            IndexUnavailable: Chroma does not answer.
        """
        with self._write_lock:
            self._refresh()
            self._chroma.clear()
            return self._agree()

    @property
    def index_current(self) -> bool:
        """Say whether the index holds all that it should, as far as this store knows."""
        return not (self._apart or self._behind)

    def mend(self) -> int:
        """Bring the index up to the log where it was away; returns how many hints it lacked.

        Raises:
            IndexUnavailable: it is still away.
        """
        if self.index_current:
            return 0
        with self._write_lock:
            if not self._apart:
                return self._write_behind()
            mended = self._agree()
            self._behind.clear()
            self._apart = False
            return mended

    def differences(self) -> int:
        """Count the hints of which log and index say different things; 0 is healthy.

        Raises:
            IndexUnavailable: Chroma does not answer.
        """
        with self._write_lock:
            held = self._chroma.revisions()
            said = {r.hint.hint_id: r.seq for r in self.log.state().values()}
            return sum(held.get(i) != said.get(i) for i in held.keys() | said.keys())

    def close(self) -> None:
        """Let go of files and of the writer's lock."""
        super().close()
        self._release()

    def __enter__(self) -> "ChromaHintStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _agreed(self, folder: Path) -> int:
        try:
            return self._agree()
        except IndexUnavailable as error:
            if self._lock is None:
                _log.warning("hints are read from the log alone; the index is away: %s", error)
                self._apart = True
                return self._from_log()
            _log.warning("the hint index was damaged and is built anew from the log: %s", error)
            _remove(folder)
            self._chroma.again()
            return self._agree()

    def _tell_of_a_lost_record(self, folder: Path) -> None:
        if lost := self._chroma.strangers():
            _log.warning(
                "the record of the hints is empty, but the index in %r holds %d hints of another "
                "record; if %r was lost, put it back from a backup before you go on",
                str(folder / "index"),
                lost,
                str(folder / "hints.sqlite"),
            )

    def _from_log(self) -> int:
        """Fill the memory from the log alone; mends nothing."""
        position = self.log.position()
        state = list(self.log.state(at=position).values())
        used = [revision.hint for revision in state if revision.hint.status in IN_USE]
        vectors = self.encoder.encode([hint.text for hint in used]) if used else ()
        named = {hint.hint_id: vector for hint, vector in zip(used, vectors, strict=True)}
        self._load(state, named, position)
        return 0

    def _agree(self) -> int:
        # The index first: what another process writes in between is then in the log at least.
        held = self._chroma.revisions()
        position = self.log.position()
        state = {
            revision.hint.hint_id: revision for revision in self.log.state(at=position).values()
        }
        self._chroma.remove([hint_id for hint_id in held if hint_id not in state])
        used = [hint_id for hint_id, r in state.items() if r.hint.status in IN_USE]
        stored = self._chroma.vectors([hint_id for hint_id in used if hint_id in held])
        vectors = {i: vector for i, vector in stored.items() if np.isfinite(vector).all()}
        stale = [
            revision
            for hint_id, revision in state.items()
            if held.get(hint_id) != revision.seq
            or (revision.hint.status in IN_USE and hint_id not in vectors)
        ]
        if stale:
            made = self.encoder.encode([revision.hint.text for revision in stale])
            self._chroma.write(stale, made)
            vectors.update(
                (revision.hint.hint_id, vector)
                for revision, vector in zip(stale, made, strict=True)
            )
        self._load(list(state.values()), vectors, position)
        return len(stale) + len(held.keys() - state.keys())

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()


def _anew(path: Path, url: str | None, name: str) -> None:
    """Drop the collection, whoever made it."""
    try:
        client = open_client(path, url)
        try:
            ChromaIndex.drop(client, name)
        finally:
            close_client(client)
    except IndexUnavailable as error:
        if url:
            raise UserError(
                f"the Chroma server at {url!r} does not answer ({error}); start it, or correct "
                "the URL"
            ) from error
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _readable(client: Client, name: str, encoder: TextEncoder) -> ChromaIndex:
    try:
        index = ChromaIndex(client, name, encoder=encoder.identity, dim=encoder.dim)
        index.probe()
    except BaseException:
        close_client(client)
        raise
    return index
