"""A whole site as plain processes: replicas of the service over one Postgres and one Chroma server.

Replicas are forked from a process that has imported everything, so that starting one is quick.
"""

import asyncio
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from re2llm.errors import UserError
from re2llm.evals.processes import ChromaServer, Postgres, free_port, postgres

_PATIENCE = 300.0
"""Seconds until a replica must serve."""
_IMPORTED = ["re2llm.commands.service", "re2llm.service.server", "re2llm.policy.saved"]


@dataclass(slots=True)
class Replica:
    """A running `re2llm serve`.

    Attributes:
        home: its workspace; `log` in it is what it complained of.
        client: sends requests to this replica.
    """

    process: ForkServerProcess
    home: Path
    client: httpx.AsyncClient

    @property
    def pid(self) -> int:
        """The process."""
        return self.process.pid or 0

    async def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        await asyncio.to_thread(self.process.join)

    async def drain(self) -> int:
        """Ask it to end, and wait; returns its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        await asyncio.to_thread(self.process.join)
        return self.process.exitcode or 0


@dataclass(slots=True, kw_only=True)
class Site:
    """What replicas share.

    Attributes:
        shop: a workspace with data and index; each replica gets a copy, as on a machine of its own.
        database: without one, and without Chroma, there can be one replica alone.
        settings: of all replicas, as environment variables.
    """

    shop: Path
    settings: dict[str, str] = field(default_factory=dict)
    database: Postgres | None = None
    chroma: ChromaServer | None = None
    stack: AsyncExitStack
    started: int = 0

    async def start(self) -> Replica:
        """Start one more replica and wait until it serves.

        Raises:
            UserError: it ended, or does not serve; with what it complained of.
        """
        home = self.shop.with_name(f"machine-{self.started}")
        self.started += 1
        await asyncio.to_thread(shutil.copytree, self.shop, home)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_IMPORTED)
        port = free_port()
        environment = {"PATH": os.environ["PATH"], "RE2LLM_MODEL": "stand-in", **self.settings}
        process = context.Process(target=_serve, args=(environment, home, port), daemon=True)
        process.start()
        self.stack.callback(process.kill)
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            timeout=60,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        )
        replica = Replica(process, home, await self.stack.enter_async_context(client))
        await _until_it_serves(replica)
        return replica


@asynccontextmanager
async def opened_site(shop: Path, settings: dict[str, str]) -> AsyncIterator[Site]:
    """Run Postgres and Chroma beside a workspace; all ends with it.

    Raises:
        UserError: PostgreSQL or Chroma is not installed.
    """
    with postgres() as database:
        chroma = ChromaServer(shop.with_name("chroma"))
        await asyncio.to_thread(chroma.start)
        try:
            async with AsyncExitStack() as stack:
                shared = {
                    "RE2LLM_DATABASE_URL": database.url("shop"),
                    "RE2LLM_CHROMA_URL": chroma.url,
                }
                yield Site(
                    shop=shop,
                    settings={**shared, **settings},
                    database=database,
                    chroma=chroma,
                    stack=stack,
                )
        finally:
            chroma.kill()


async def _until_it_serves(replica: Replica) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            while replica.process.is_alive():
                try:
                    if (await replica.client.get("/healthz")).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    log = replica.home / "log"
    told = log.read_text("utf-8", "replace")[-2000:] if log.exists() else "nothing"
    raise UserError(f"a replica does not serve; it told: {told}")


def _serve(environment: dict[str, str], home: Path, port: int) -> None:
    from re2llm.commands.service import serve

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(home.parent)
    log = os.open(home / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    try:
        serve(host="127.0.0.1", port=port, verbose=True, workspace=home)
    except UserError as error:
        sys.exit(str(error))
