"""What the service itself costs, beside a bare FastAPI and LangGraph service in the same run.

A model server on loopback answers in a given time. A service's own time is what a request took
beside that; the bare service has an own time, too, and what is beyond that is ours. Clients ask
again as soon as they were answered (which no shopper does, and which shows how much a process can
do at most), or take turns at a steady rate, as shoppers come. Run
`python -m re2llm.evals.bench_service`, and `python -m re2llm.evals.bench_memory` for memory.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.evals import bare_service, slow_model
from re2llm.evals.load import Load, load
from re2llm.evals.processes import free_port
from re2llm.evals.site import Replica, Site, opened_site
from re2llm.graph.opening import open_parts
from re2llm.settings import Settings
from re2llm.workspace import Workspace

CLIENTS = (1, 32, 128)
STEADY = 32
"""Clients that take turns as well."""
_WARM = 50
_NUMBERS = itertools.count()
"""Each request asks something that no request asked before, so that no answer is in the cache."""


def make_shop(root: Path, items: int, sessions: int) -> list[str]:
    """Write a synthetic shop with its index; returns its item ids."""
    workspace = Workspace(root)
    write_shop(workspace.data, ShopPlan(items=items, sessions=sessions))
    parts = open_parts(Settings(workspace=root, model="stand-in", _env_file=None), None)  # type: ignore[call-arg]
    parts.close()
    return [item.item_id for item in parts.catalog]


def settings(model_url: str) -> dict[str, str]:
    """Return a replica's settings: the slow model, and no limits in the way."""
    return {
        "RE2LLM_MODEL": "slow",
        "RE2LLM_BASE_URL": model_url,
        "RE2LLM_API_KEY": "none",
        "RE2LLM_RATE_LIMIT": "10000000",
        "RE2LLM_CANDIDATES": "20",
    }


def wish(ids: list[str]) -> dict[str, object]:
    """Ask for a slate in a way that nobody did before."""
    number = next(_NUMBERS)
    session = [ids[(number * step) % len(ids)] for step in (7, 11, 13)]
    return {"session": session, "request": f"wish number {number}", "k": 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One service with so many clients, in one run; milliseconds.

    Attributes:
        rate: requests a second where clients take turns.
        own: what a request took at p50 beside the model.
        beyond: the same less the bare service's, in the same run.
    """

    name: str
    rate: float | None
    load: Load
    own: float
    beyond: float

    @property
    def about(self) -> tuple[str, int, float | None]:
        """What is measured; the same in every run."""
        return self.name, self.load.clients, self.rate


async def bench(
    root: Path, times: dict[int, int], seconds: float, rate: float, runs: int
) -> list[Row]:
    """Measure every service with every number of clients, and print each.

    Args:
        root: an empty folder.
        times: so many requests from so many clients.
        seconds: that the model takes.
        rate: requests a second where clients take turns.
        runs: how often all is measured, one after the other.
    """
    rows: list[Row] = []
    ids = make_shop(root / "one" / "shop", 2000, 1500)
    model_port = free_port()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["re2llm.commands.service", "re2llm.service.server"])
    async with AsyncExitStack() as stack:
        model = context.Process(target=slow_model.serve, args=(model_port, seconds), daemon=True)
        model.start()
        stack.callback(model.kill)
        model_url = f"http://127.0.0.1:{model_port}/v1"
        bare_port = free_port()
        bare = context.Process(
            target=bare_service.serve, args=(root, bare_port, model_url), daemon=True
        )
        bare.start()
        stack.callback(bare.kill)
        bare_url = f"http://127.0.0.1:{bare_port}"
        await _until(f"{bare_url}/healthz")
        alone = Site(shop=root / "one" / "shop", settings=settings(model_url), stack=stack)
        embedded = await alone.start()
        shared_shop = root / "two" / "shop"
        make_shop(shared_shop, 2000, 1500)
        site = await stack.enter_async_context(opened_site(shared_shop, settings(model_url)))
        shared = await site.start()

        def asked_bare(_: int) -> dict[str, object]:
            number = next(_NUMBERS)
            return {"thread": f"{number}", "items": ids[number % 1000 : number % 1000 + 20]}

        targets = (
            ("bare FastAPI + LangGraph", bare_url, bare.pid or 0, asked_bare),
            ("embedded", _url(embedded), embedded.pid, lambda _: wish(ids)),
            ("Postgres + Chroma", _url(shared), shared.pid, lambda _: wish(ids)),
        )
        for _, clients, steady in itertools.product(range(runs), CLIENTS, (None, rate)):
            if steady and clients != STEADY:
                continue
            bare_own = 0.0
            for name, url, pid, body in targets:
                where = f"{url}/v1/recommendations"
                await load(where, pid, body, clients=min(clients, 8), requests=_WARM)
                measured = await load(
                    where, pid, body, clients=clients, requests=times[clients], rate=steady
                )
                own = measured.p50 - 1000 * seconds
                if url == bare_url:
                    bare_own = own
                rows.append(
                    Row(name=name, rate=steady, load=measured, own=own, beyond=own - bare_own)
                )
                _tell(rows[-1:])
    return rows


def _tell(rows: list[Row]) -> None:
    """Print one row, or the same of several runs: its median (least to most)."""
    name, clients, rate = rows[0].about
    how = f"{rate:g} a second" if rate else "at once"
    loads = [row.load for row in rows]
    sys.stdout.write(
        f"{name:<24} {clients:>4} clients {how:<12}  p50 {_middle(o.p50 for o in loads)} ms "
        f"(own {_middle(row.own for row in rows)}, beyond bare "
        f"{_middle(row.beyond for row in rows)})  p99 {_middle(o.p99 for o in loads)} ms  "
        f"{_middle(o.per_second for o in loads)} a second  processor "
        f"{_middle(o.processor for o in loads)} ms a request  wrong {sum(o.wrong for o in loads)}\n"
    )
    sys.stdout.flush()


def _middle(numbers: Iterable[float]) -> str:
    held = sorted(numbers)
    told = f"{median(held):.1f}"
    return told if len(held) == 1 else f"{told} ({held[0]:.1f} to {held[-1]:.1f})"


def _url(replica: Replica) -> str:
    return str(replica.client.base_url).rstrip("/")


async def _until(url: str) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(120):
        while True:
            try:
                (await client.get(url)).raise_for_status()
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, nargs=3, default=[100, 1600, 3200])
    parser.add_argument("--seconds", type=float, default=0.2, help="that the model takes")
    parser.add_argument("--runs", type=int, default=1, help="of which medians are told")
    parser.add_argument("--rate", type=float, default=10, help="of clients that take turns")
    chosen = parser.parse_args()
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        times = dict(zip(CLIENTS, chosen.times, strict=True))
        rows = asyncio.run(bench(Path(folder), times, chosen.seconds, chosen.rate, chosen.runs))
    if chosen.runs > 1:
        sys.stdout.write(f"medians of {chosen.runs} runs (least to most):\n")
        for about in dict.fromkeys(row.about for row in rows):
            _tell([row for row in rows if row.about == about])
    sys.stdout.write(
        f"model: {1000 * chosen.seconds:g} ms; load of the machine before and after: "
        f"{load_before:.1f}, "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
    )


if __name__ == "__main__":
    main()
