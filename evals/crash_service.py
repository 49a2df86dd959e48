"""Kill -9 a replica, Postgres, Chroma or the model server under load, and look what was lost.

Two tenants' clients ask two replicas in turn. In each round one thing is killed while they do, and
started again; nobody else does anything. At the end all that was acknowledged must be there, with
its owner alone. Run `python -m re2llm.evals.crash_service --rounds 8`.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from re2llm.errors import UserError
from re2llm.evals.bench_service import make_shop, settings
from re2llm.evals.processes import free_port
from re2llm.evals.site import opened_site
from re2llm.evals.town import KEYS, TENANTS, VICTIMS, Crashes, Town


async def crash(root: Path, rounds: int, clients: int, pause: float) -> Crashes:
    """Kill one thing after the other while clients go on.

    Args:
        root: an empty folder.
        rounds: kills, the victims in turn.
        clients: per tenant.
        pause: seconds of load before each kill.
    """
    items = await asyncio.to_thread(make_shop, root / "shop", 300, 300)
    port = free_port()
    given = {
        **settings(f"http://127.0.0.1:{port}/v1"),
        "RE2LLM_API_KEYS": KEYS,
        "RE2LLM_LEASE": "3",
        "RE2LLM_TIMEOUT": "3",
        "RE2LLM_FEEDBACK_WAIT": "1",
    }
    recovered: dict[str, list[float]] = {}
    async with opened_site(root / "shop", given) as site, AsyncExitStack() as stack:
        town = Town(site, port, items)
        town.start_model()
        stack.callback(town.stop_model)
        town.replicas = list(await asyncio.gather(site.start(), site.start()))
        nobody = await town.replicas[0].client.get("/v1/hints")
        if nobody.status_code != 401:  # then all would be one tenant, and nothing be shown
            raise UserError(f"the replicas ask for no key: {nobody.status_code} without one")
        tasks = [asyncio.create_task(town.shop(t)) for t in TENANTS for _ in range(clients)]
        for victim in itertools.islice(itertools.cycle(VICTIMS), rounds):
            await asyncio.sleep(pause)
            begun = time.monotonic()
            await town.kill(victim)
            await town.well()
            recovered.setdefault(victim, []).append(time.monotonic() - begun)
        await asyncio.sleep(pause)
        _end(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
        await town.well()
        return await town.reckon(recovered)


def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()  # a client that failed makes the run worthless
        task.cancel()


def main(show: Callable[[str], object] = sys.stdout.write) -> int:
    """Run the rounds and report; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--clients", type=int, default=4, help="per tenant")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds before each kill")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(crash(Path(folder), chosen.rounds, chosen.clients, chosen.pause))
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    show(f"answers by status (0: the connection broke): {statuses}\n")
    for words, count in found.refused.items():
        show(f"refused {count} times: {words}\n")
    for victim, seconds in found.recovered.items():
        words = ", ".join(f"{one:.1f}" for one in seconds)
        show(f"{victim:<9} killed and started: all ready after {words} s\n")
    show(
        f"acknowledged: {found.feedback} feedback, {found.hints} hints; lost: "
        f"{found.lost_feedback} and {found.lost_hints}; not worked on: {found.unfinished}; "
        f"seen by another tenant: {found.strange}\n"
    )
    bad = found.lost_feedback + found.lost_hints + found.unfinished + found.strange
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
