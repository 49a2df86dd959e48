"""LangGraph's SQLite checkpointer with each call in one thread, and not each statement.

LangGraph's own asynchronous one takes three or four turns between threads for every write, which
costs a slate more than the write; and a run that is cancelled between them leaves a transaction
open. Here a write is begun and committed in one go, whatever becomes of who waits for it, and
writes that wait for the disk at once are committed together.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from re2llm.database import CACHE_KIB

T = TypeVar("T")
NEW = "__new_thread"
"""Set in a run's `configurable`, it says that its thread has no checkpoint that could be read."""
_PATIENCE = 30.0
"""Seconds that a statement waits for another process."""
_REFUSED = (
    sqlite3.Error,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RuntimeError,
)
"""What one write can fail with, a value that cannot be serialised above all; it alone fails."""
_PAGE = 64
"""Checkpoints that are read in one go."""


@dataclass(slots=True)
class _Write(Generic[T]):
    """A write that waits for its turn, and what came of it."""

    do: Callable[[], T]
    done: Future[T] = field(default_factory=Future)


class ThreadedSqliteSaver(SqliteSaver):
    """Keeps threads in a SQLite file; use it from any event loop."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Keep threads in an open connection that several threads may use."""
        super().__init__(conn)
        conn.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self._waiting: deque[_Write[Any]] = deque()
        self._grouping: int | None = None

    @classmethod
    @asynccontextmanager
    async def opened(cls, path: Path) -> AsyncIterator["ThreadedSqliteSaver"]:
        """Open or make the file; what is being written at the end is written first."""
        connection = await asyncio.to_thread(
            sqlite3.connect, path, timeout=_PATIENCE, check_same_thread=False
        )
        saver = cls(connection)
        try:
            yield saver
        finally:
            await asyncio.to_thread(saver.close)

    def close(self) -> None:
        """Write what waits, and let go of the file. Blocking."""
        self._write_all()
        with self.lock:
            self.conn.close()

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        """Give a cursor; within a group of writes, none of them commits."""
        if self._grouping != threading.get_ident():
            with super().cursor(transaction) as cursor:
                yield cursor
            return
        with closing(self.conn.cursor()) as cursor:
            yield cursor

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a thread's newest checkpoint, or the one that is named."""
        if config["configurable"].get(NEW):
            return None
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph calls it so
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, newest first; until the end, nothing else is read or written here."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        turn = threading.Lock()  # who is cancelled leaves a thread that still reads

        def read() -> Sequence[CheckpointTuple]:
            with turn:
                return [*islice(found, _PAGE)]

        def end() -> None:
            with turn:
                cast(Generator[CheckpointTuple], found).close()

        try:
            while page := await asyncio.to_thread(read):
                for one in page:
                    yield one
        finally:
            await asyncio.to_thread(end)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint; it is on disk when this returns."""
        return await self._written(partial(self.put, config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task wrote; it is on disk when this returns."""
        await self._written(partial(self.put_writes, config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget a thread."""
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def _written(self, do: Callable[[], T]) -> T:
        write = _Write(do)
        self._waiting.append(write)
        await asyncio.to_thread(self._write_all, write)
        return write.done.result()

    def _write_all(self, asked: _Write[Any] | None = None) -> None:
        """Do all writes that wait, with one commit; whoever comes first does it for the others."""
        with self.lock:
            if asked is not None and asked.done.done():
                return
            self.setup()
            group = [self._waiting.popleft() for _ in range(len(self._waiting))]
            tell: list[Callable[[], None]] = []
            self._grouping = threading.get_ident()
            try:
                self.conn.execute("BEGIN IMMEDIATE")
                told = [self._try(write) for write in group]
                self.conn.commit()
                tell = told
            except sqlite3.Error as error:
                tell = [partial(write.done.set_exception, error) for write in group]
            finally:
                self._grouping = None
                if self.conn.in_transaction:
                    self.conn.rollback()
                for each in tell or [partial(_broken_off, write) for write in group]:
                    each()

    def _try(self, write: _Write[Any]) -> Callable[[], None]:
        """Do one write of a group; where it fails, the others stay. Returns what tells of it."""
        self.conn.execute("SAVEPOINT one")
        try:
            told = write.do()
        except _REFUSED as error:
            self.conn.execute("ROLLBACK TO one")
            self.conn.execute("RELEASE one")
            return partial(write.done.set_exception, error)
        self.conn.execute("RELEASE one")
        return partial(write.done.set_result, told)


def _broken_off(write: _Write[Any]) -> None:
    write.done.set_exception(sqlite3.OperationalError("the write was broken off"))
