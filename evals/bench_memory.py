"""What a replica's memory grows to, by the number of shoppers that it has served.

A shopper begins a session, takes two chat turns, gets a slate and gives feedback. Memory is the
process's own (anonymous) beside all that is resident, which counts pages of files, too. Run
`python -m re2llm.evals.bench_memory`.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from re2llm.evals.bench_service import make_shop, wish
from re2llm.evals.load import memory_mib
from re2llm.evals.site import Site

_LOOKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was held after so many shoppers, in MiB."""

    shoppers: int
    resident: float
    own: float


async def watch(root: Path, shoppers: int, clients: int, rate: float | None) -> list[Held]:
    """Serve shoppers, some at once, and look at the memory now and then.

    Args:
        root: an empty folder.
        shoppers: in all.
        clients: at once, at most.
        rate: shoppers that begin in a second; None lets one follow the other.
    """
    ids = make_shop(root / "one" / "shop", 2000, 1500)
    kept: list[Held] = []
    served = 0
    async with AsyncExitStack() as stack:
        given = {"RE2LLM_RATE_LIMIT": "10000000", "RE2LLM_TIME_LIMIT": "3600"}
        replica = await Site(shop=root / "one" / "shop", settings=given, stack=stack).start()
        replica.client.timeout = httpx.Timeout(None)  # a machine that sleeps loses nobody

        def look() -> None:
            resident, own = memory_mib(replica.pid)
            kept.append(Held(shoppers=served, resident=resident, own=own))
            sys.stdout.write(f"{served:>6} shoppers {resident:8.1f} MiB, its own {own:8.1f}\n")
            sys.stdout.flush()

        async def shop() -> None:
            nonlocal served
            for number in left:
                if rate:
                    await asyncio.sleep(begun + number / rate - time.monotonic())
                await _use(replica.client, ids)
                served += 1
                if served % max(1, shoppers // _LOOKS) == 0:
                    look()

        left = iter(range(shoppers))
        look()
        begun = time.monotonic()
        await asyncio.gather(*(shop() for _ in range(clients)))
        sys.stdout.write(f"{shoppers} shoppers in {time.monotonic() - begun:.0f} s\n")
    return kept


async def _use(client: httpx.AsyncClient, ids: list[str]) -> None:
    session = (await client.post("/v1/sessions")).json()["session_id"]
    for message in ("something under 40", "show me others"):
        answer = await client.post(f"/v1/sessions/{session}/chat", json={"message": message})
        answer.raise_for_status()
    slate = await client.post("/v1/recommendations", json={**wish(ids), "session_id": session})
    slate.raise_for_status()
    path = f"/v1/slates/{slate.json()['slate_id']}/feedback"
    (await client.post(path, json={"chosen": None})).raise_for_status()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shoppers", type=int, default=3000)
    parser.add_argument("--clients", type=int, default=4, help="at once")
    parser.add_argument("--rate", type=float, help="shoppers that begin in a second")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kept = asyncio.run(watch(Path(folder), chosen.shoppers, chosen.clients, chosen.rate))
    later = kept[len(kept) // 3 :]
    if len(later) > 1:
        places = [one.shoppers / 1000 for one in later]
        slope = np.polyfit(places, [one.own for one in later], 1)[0]
        sys.stdout.write(f"the last two thirds: {slope:+.2f} MiB of its own a 1,000 shoppers\n")


if __name__ == "__main__":
    main()
