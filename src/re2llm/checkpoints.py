"""Where graphs wait: SQLite files in the workspace, or one Postgres that several machines share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from re2llm.database import where_kept
from re2llm.errors import UserError
from re2llm.threaded_saver import NEW, ThreadedSqliteSaver

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

_PAUSE = 0.05
"""Seconds between two looks whether another replica has made the tables."""
_PATIENCE = 2.0
"""Seconds that a graph waits for Postgres before it says that it is away."""


@asynccontextmanager
async def open_checkpoints(
    path: Path, *, url: str | None = None
) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open a checkpointer; its tables are made if need be.

    Args:
        path: of the SQLite file; its stem names the Postgres schema, so that slates and
            conversations stay apart there too.
        url: of a Postgres, in place of the file.

    Raises:
        UserError: Postgres does not answer, or the extra `postgres` is not installed.
    """
    if url is None:
        async with ThreadedSqliteSaver.opened(path) as saver:
            yield saver
        return
    from re2llm.connections import REACHING, enter_statements

    try:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        from psycopg import Error
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool
    except ImportError as error:
        raise UserError(
            "RE2LLM_DATABASE_URL needs Postgres' driver: pip install 're2llm[postgres]'"
        ) from error
    statements = enter_statements(f"re2llm_{path.stem}")

    async def enter(connection: "AsyncConnection[Any]") -> None:
        async with connection.transaction():
            for statement in statements.made:
                await connection.execute(statement)
        await connection.execute(statements.entered)

    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=2,  # the checkpointer itself does one thing at a time
        timeout=_PATIENCE,
        reconnect_timeout=_PATIENCE / 2,  # then whoever asks next tries again
        configure=enter,
        check=AsyncConnectionPool.check_connection,
        kwargs={**REACHING, "prepare_threshold": 0, "row_factory": dict_row},
        open=False,
    )
    try:
        await pool.open(wait=True, timeout=5 * _PATIENCE)

        class Saver(AsyncPostgresSaver):
            """Does not look for what a new thread cannot have."""

            async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
                if config["configurable"].get(NEW):
                    return None
                return await super().aget_tuple(config)

        saver_there = Saver(pool)
        # Making the tables twice at once fails, so the first replica makes them alone; not under
        # the schema's own lock, which every new connection takes. Who waits must not do so within a
        # statement: making an index concurrently waits for all statements, so both would for ever.
        tables = statements.turn + 1
        async with pool.connection() as connection:
            while not await _locked(connection, tables):  # noqa: ASYNC110
                await asyncio.sleep(_PAUSE)
            try:
                await saver_there.setup()
            finally:
                await connection.execute("SELECT pg_advisory_unlock(%s)", (tables,))
    except Error as error:
        await pool.close()
        raise UserError(
            f"cannot keep checkpoints in {where_kept(path, url)} ({error}); check that the server "
            "runs and lets this user make tables"
        ) from error
    try:
        yield saver_there
    finally:
        await pool.close()


async def _locked(connection: "AsyncConnection[DictRow]", number: int) -> bool:
    taken = await connection.execute("SELECT pg_try_advisory_lock(%s) AS taken", (number,))
    row = await taken.fetchone()
    return bool(row and row["taken"])
