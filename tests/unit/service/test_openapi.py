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


async def test_the_description_tells_errors_as_they_come(client: httpx.AsyncClient) -> None:
    told = (await client.get("/openapi.json")).json()
    route = told["paths"]["/v1/recommendations"]["post"]["responses"]
    schema = route["default"]["content"]["application/problem+json"]["schema"]
    answer = await client.post("/v1/recommendations", json={"k": 0})
    assert answer.headers["content-type"] in route["default"]["content"]
    assert set(answer.json()) == set(schema["properties"]) == set(schema["required"])
    assert "HTTPValidationError" not in told["components"]["schemas"]


async def test_a_body_that_is_no_json_is_told_how_to_be_sent(client: httpx.AsyncClient) -> None:
    path = "/v1/recommendations"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    json_ = {"Content-Type": "application/json"}
    for content, headers, said in (
        ('{"k": 2}', form, "'Content-Type: application/json'"),
        ('{"k": 2, oops', json_, "the body is not JSON"),
        ("[1]", json_, "a JSON object"),
        ('{"items": []}', json_, "body.items: there is no such field"),
    ):
        answer = await client.post(path, content=content, headers=headers)
        assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text


async def test_head_is_answered_as_get(client: httpx.AsyncClient) -> None:
    for path in ("/", "/hints", "/healthz", "/readyz"):
        assert (await client.head(path)).status_code == 200


async def test_no_drawn_request_makes_it_fail(shop: Path) -> None:
    async with AsyncExitStack() as stack:
        given = {"RE2LLM_RATE_LIMIT": "1000000", "RE2LLM_FEEDBACK_WAIT": "0.5"}
        replica = await Site(shop=shop, settings=given, stack=stack).start()
        url = str(replica.client.base_url).rstrip("/")
        told = await asyncio.to_thread(fuzz, url, 6)
    assert told.failures == {}
    assert told.requests > 6 * 20
    assert all(statuses.total() for statuses in told.statuses.values())
