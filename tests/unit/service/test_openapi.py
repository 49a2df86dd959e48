"""The service's own description, and what it answers to whatever that allows."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from re2llm.evals.fuzz_service import fuzz
from re2llm.evals.site import Site


async def test_the_description_names_every_route_once(client: httpx.AsyncClient) -> None:
    told = (await client.get("/openapi.json")).json()
    names = [
        operation["operationId"] for path in told["paths"].values() for operation in path.values()
    ]
    assert len(names) == len(set(names))
    assert {"/v1/recommendations", "/v1/rerank", "/v2/rerank"} <= set(told["paths"])


async def test_no_drawn_request_makes_it_fail(shop: Path) -> None:
    async with AsyncExitStack() as stack:
        given = {"RE2LLM_RATE_LIMIT": "1000000", "RE2LLM_FEEDBACK_WAIT": "0.5"}
        replica = await Site(shop=shop, settings=given, stack=stack).start()
        url = str(replica.client.base_url).rstrip("/")
        told = await asyncio.to_thread(fuzz, url, 6)
    assert told.failures == {}
    assert told.requests > 6 * 20
    assert all(statuses.total() for statuses in told.statuses.values())
