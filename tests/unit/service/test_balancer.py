"""Two replicas behind a real nginx with the shipped configuration: sticky to nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from balancer import balancer
from service_client import KEYS
from town_site import NORTH, town

from re2llm.evals.site import Replica, Site

METRICS = {"Authorization": "Bearer any-metrics-0123456789"}


@pytest.fixture
async def site(shop: Path, tmp_path: Path) -> AsyncIterator[Site]:
    keys = f"{KEYS},any:any-metrics-0123456789:metrics"
    async with town(shop, tmp_path, RE2LLM_API_KEYS=keys) as opened:
        yield opened


async def served(replica: Replica) -> int:
    """Count the requests under `/v1` that a replica answered."""
    told = (await replica.client.get("/metrics", headers=METRICS)).text.splitlines()
    counts = [line for line in told if "_seconds_count{" in line and 'route="/v1' in line]
    return int(sum(float(line.rpartition(" ")[2]) for line in counts))


def address(replica: Replica) -> str:
    url = replica.client.base_url
    return f"{url.host}:{url.port}"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_any_of_two_replicas_answers_behind_the_shipped_configuration(
    site: Site, tmp_path: Path
) -> None:
    one, two = await asyncio.gather(site.start(), site.start())
    with balancer(tmp_path / "nginx", [address(one), address(two)]) as url:
        async with httpx.AsyncClient(base_url=url, headers=NORTH, timeout=60) as client:
            await a_conversation_goes_on_whoever_answers(client)
            assert await served(one) > 0
            assert await served(two) > 0
            await streams_come_as_they_are_told(client)
            await limits_hold(client)
            await one.kill()
            await nobody_notices_that_one_is_gone(client)


async def a_conversation_goes_on_whoever_answers(client: httpx.AsyncClient) -> None:
    begun = await client.post("/v1/sessions")
    path = f"/v1/sessions/{begun.json()['session_id']}"
    for message in ("something under 40", "show me others", "the cheapest of them, please"):
        answer = await client.post(f"{path}/chat", json={"message": message})
        assert answer.status_code == 200, answer.text
        assert all(card["attributes"]["price"] <= 40 for card in answer.json()["cards"])
    slate = (await client.post("/v1/recommendations", json={"k": 3})).json()
    taken = {"chosen": slate["items"][0]["item_id"]}
    for _ in range(2):
        told = await client.post(f"/v1/slates/{slate['slate_id']}/feedback", json=taken)
        assert told.status_code in (200, 202), told.text
    known = (await client.get(f"/v1/slates/{slate['slate_id']}?wait=30")).json()
    assert (known["state"], known["chosen"], known["error"]) == ("done", taken["chosen"], False)


async def streams_come_as_they_are_told(client: httpx.AsyncClient) -> None:
    """Pieces may come together on a busy machine, but not each time, were none held back."""
    for _ in range(10):
        asked = client.stream(
            "POST", "/v1/recommendations", json={"k": 3}, headers={"Accept": "text/event-stream"}
        )
        async with asked as answer:
            pieces = [piece async for piece in answer.aiter_raw()]
        assert b"event: progress" in pieces[0]
        assert b"event: end" in pieces[-1]
        if b"event: end" not in pieces[0]:
            return
    pytest.fail("the balancer holds back what is streamed")


async def limits_hold(client: httpx.AsyncClient) -> None:
    large = {"request": "x" * 400_000}
    assert (await client.post("/v1/recommendations", json=large)).status_code == 413
    stranger = {"Authorization": "Bearer nobody-at-all-0123456789"}
    assert (await client.get("/v1/hints", headers=stranger)).status_code == 401


async def nobody_notices_that_one_is_gone(client: httpx.AsyncClient) -> None:
    for _ in range(6):
        assert (await client.get("/v1/hints")).status_code == 200
        assert (await client.post("/v1/recommendations", json={"k": 3})).status_code == 200
