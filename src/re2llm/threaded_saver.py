"""LangGraph's SQLite checkpointer with each call in one thread, and not each statement.

LangGraph's own asynchronous one takes three or four turns between threads for every write, which
costs a slate more than the write; and a run that is cancelled between them leaves a transaction
open. Here a write is begun and committed in one go, whatever becomes of who waits for it.
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver

_PATIENCE = 30.0
"""Seconds that a statement waits for another process."""
_PAGE = 64
"""Checkpoints that are read in one go."""


class ThreadedSqliteSaver(SqliteSaver):
    """Keeps threads in a SQLite file; use it from any event loop."""

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
        """Let go of the file. Blocking."""
        with self.lock:
            self.conn.close()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a thread's newest checkpoint, or the one that is named."""
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
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task wrote; it is on disk when this returns."""
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget a thread."""
        await asyncio.to_thread(self.delete_thread, thread_id)
