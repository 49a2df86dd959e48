"""The reranker that Cohere's clients can use, and what a model that is down means."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from service_client import opened
from shop_settings import settings_for

from re2llm.graph.app import Re2LLM

DOCUMENTS = [
    "a leather belt for men",
    "a red ceramic coffee mug",
    "a wooden chair",
    "coffee beans, roasted dark",
]


@pytest.fixture
async def without_model(shop: Path) -> AsyncIterator[Re2LLM]:
    """The application, whose model's server is not there."""
    away = {"model": "some-model", "base_url": "http://127.0.0.1:9/v1", "timeout": 3.0}
    settings = settings_for(shop).model_copy(update=away)
    async with await Re2LLM.open(settings) as app:
        yield app


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_it_answers_as_cohere_does(client: httpx.AsyncClient, version: str) -> None:
    body = {
        "model": "rerank-v3.5",
        "query": "something for coffee",
        "documents": DOCUMENTS,
        "top_n": 2,
        "return_documents": True,
    }
    answer = await client.post(f"/{version}/rerank", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert set(told) >= {"id", "results", "meta"}
    assert told["meta"]["api_version"]["version"] == version[1:]
    assert {result["index"] for result in told["results"]} == {1, 3}
    scores = [result["relevance_score"] for result in told["results"]]
    assert 1 == scores[0] > scores[1] > 0
    for result in told["results"]:
        assert result["document"]["text"] == DOCUMENTS[result["index"]]


async def test_all_documents_come_back_once_equal_ones_too(client: httpx.AsyncClient) -> None:
    documents: list[object] = ["the same", "the same", {"text": "another"}]
    body = {"query": "the same", "documents": documents}
    results = (await client.post("/v1/rerank", json=body)).json()["results"]
    assert sorted(result["index"] for result in results) == [0, 1, 2]
    assert all("document" not in result for result in results)
    body["top_n"] = 99
    assert len((await client.post("/v1/rerank", json=body)).json()["results"]) == 3


async def test_documents_may_be_items_and_a_session_may_be_told(
    client: httpx.AsyncClient, app: Re2LLM
) -> None:
    items = app.parts.catalog.items[:5]
    body: dict[str, object] = {
        "query": "more of it",
        "documents": [{"id": item.item_id} for item in items],
        "session": [items[2].item_id],
    }
    answer = await client.post("/v2/rerank", json=body)
    assert len(answer.json()["results"]) == 5
    body["documents"] = [{"id": "no-such-item"}]
    missing = await client.post("/v2/rerank", json=body)
    assert (missing.status_code, "'no-such-item'" in missing.text) == (404, True)


async def test_what_clients_send_beside_is_taken_as_cohere_takes_it(
    client: httpx.AsyncClient,
) -> None:
    beside = {"max_chunks_per_doc": 10, "max_tokens_per_doc": 4096, "priority": 0, "user": "x"}
    documents = [{"title": "a wooden chair", "notes": "coffee"}, {"title": "dark coffee beans"}]
    body = {"query": "coffee beans", "documents": documents, "return_documents": True, **beside}
    told = (await client.post("/v1/rerank", json=body)).json()
    texts = {result["index"]: result["document"]["text"] for result in told["results"]}
    assert texts == {0: "a wooden chair coffee", 1: "dark coffee beans"}
    answer = await client.post("/v1/rerank", json={**body, "rank_fields": ["title"]})
    texts = {one["index"]: one["document"]["text"] for one in answer.json()["results"]}
    assert texts[0] == "a wooden chair"


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": "x", "documents": []},
        {"query": "", "documents": ["a"]},
        {"documents": ["a"]},
        {"query": "x", "documents": [{}]},
        {"query": "x", "documents": [{"title": "a"}], "rank_fields": ["name"]},
        {"query": "x", "documents": [{"title": 1e300}]},
        {"query": "x", "documents": ["a"], "top_n": 0},
        {"query": "x", "documents": ["a"] * 501},
    ],
)
async def test_wrong_requests_are_told(client: httpx.AsyncClient, wrong: object) -> None:
    answer = await client.post("/v1/rerank", json=wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_its_model_it_keeps_the_order_and_says_so(without_model: Re2LLM) -> None:
    async with opened(without_model) as client:
        body = {"query": "something for coffee", "documents": DOCUMENTS}
        told = (await client.post("/v1/rerank", json=body)).json()
        assert [result["index"] for result in told["results"]] == [0, 1, 2, 3]
        assert told["meta"]["warnings"]


async def test_without_its_model_slates_are_the_retrieval_order_with_a_notice(
    without_model: Re2LLM,
) -> None:
    session = [item.item_id for item in without_model.parts.catalog.items[:3]]
    async with opened(without_model) as client:
        answer = await client.post("/v1/recommendations", json={"session": session, "k": 5})
        assert answer.status_code == 200
        slate = answer.json()
        assert len(slate["items"]) == 5
        assert slate["degraded"]
        assert slate["notices"]
        headers = {"Accept": "text/event-stream"}
        told = await client.post("/v1/recommendations", json={"k": 3}, headers=headers)
        assert "event: cards" in told.text
        assert "event: error" not in told.text
        session_id = (await client.post("/v1/sessions")).json()["session_id"]
        path = f"/v1/sessions/{session_id}/chat"
        said = await client.post(path, json={"message": "something under 40"})
        assert said.status_code == 200
        assert said.json()["cards"]
        assert (await client.get("/readyz")).status_code == 200
