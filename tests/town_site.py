"""A site of two tenants as processes: a Postgres, a Chroma server, and replicas to be killed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from chroma_server import chroma_server
from service_client import KEYS

from re2llm.catalog.dataset import open_dataset
from re2llm.evals.processes import found
from re2llm.evals.site import Replica, Site, opened_site

NORTH = {"Authorization": "Bearer north-key-0123456789"}
SOUTH = {"Authorization": "Bearer south-key-0123456789"}
LEASE = 2.0


@asynccontextmanager
async def town(shop: Path, folder: Path, **given: str) -> AsyncIterator[Site]:
    """An own Postgres and Chroma, for being killed; skipped where they are not installed."""
    if not found("initdb"):
        pytest.skip("PostgreSQL is not installed here")
    chroma_server(folder / "unused")
    settings = {"RE2LLM_LEASE": f"{LEASE}", "RE2LLM_API_KEYS": KEYS, **given}
    async with opened_site(shop, settings) as opened:
        yield opened


async def start(site: Site) -> Replica:
    """Start one more replica, and speak to it as the northern shop's staff."""
    replica = await site.start()
    replica.client.headers.update(NORTH)
    return replica


async def say(
    client: httpx.AsyncClient, session_id: str, message: str, *, key: str = ""
) -> httpx.Response:
    """Take a turn in a chat."""
    path = f"/v1/sessions/{session_id}/chat"
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post(path, json={"message": message}, headers=headers)


async def begin(client: httpx.AsyncClient) -> str:
    """Begin a session."""
    answer = await client.post("/v1/sessions")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


async def missed(client: httpx.AsyncClient, shop: Path, number: int) -> tuple[str, str]:
    """Ask for a slate; return its id and a candidate that it does not show."""
    session = open_dataset(shop / "data").test[number]
    body = {"session": list(session.items), "candidates": list(session.candidates or ()), "k": 5}
    answer = await client.post("/v1/recommendations", json=body)
    assert answer.status_code == 200, answer.text
    shown = {card["item_id"] for card in answer.json()["items"]}
    hidden = [item_id for item_id in session.candidates or () if item_id not in shown]
    return answer.json()["slate_id"], hidden[-1]


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 40) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def learnt(client: httpx.AsyncClient, slate_id: str) -> dict[str, object]:
    """Wait until a slate's feedback was worked on to its end."""
    told: dict[str, object] = {}

    async def done() -> bool:
        told.update((await client.get(f"/v1/slates/{slate_id}?wait=5")).json())
        return told["state"] == "done"

    await until(done)
    return told


async def answered(client: httpx.AsyncClient, session_id: str, wish: str) -> dict[str, object]:
    """Repeat a turn under its key until it is no longer said to be in progress."""
    got: list[httpx.Response] = []

    async def told() -> bool:
        got.append(await say(client, session_id, wish, key=session_id))
        return got[-1].status_code != 409

    await until(told)
    assert got[-1].status_code == 200, got[-1].text
    return dict(got[-1].json())


async def messages(client: httpx.AsyncClient, session_id: str) -> list[tuple[str, str]]:
    """Read a conversation: who said what."""
    read = (await client.get(f"/v1/sessions/{session_id}/chat")).json()
    return [(message["role"], message["text"]) for message in read["messages"]]
