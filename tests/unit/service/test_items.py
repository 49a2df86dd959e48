"""Items over HTTP: put in, changed, removed; kept before they are answered; staff alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from service_client import KEYS, opened
from shop_settings import settings_for

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.graph.app import Re2LLM
from re2llm.graph.stock import Stock
from re2llm.workspace import Workspace

STAFF = {"Authorization": "Bearer north-key-0123456789"}
CHAT = {"Authorization": "Bearer north-chat-0123456789"}
ZEBRA = {"title": "Zebra Telescope", "attributes": {"price": 19.99, "brand": "Zylo"}}


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Re2LLM]:
    """A shop that a test may change."""
    write_shop(tmp_path / "data", ShopPlan(items=250, sessions=60))
    async with await Re2LLM.open(settings_for(tmp_path)) as app:
        yield app


async def _first(client: httpx.AsyncClient, **headers: str) -> str:
    body = {"request": "a zebra telescope", "k": 1}
    answer = await client.post("/v1/recommendations", json=body, headers=headers)
    return str(answer.json()["items"][0]["item_id"])


async def test_an_item_is_put_in_changed_and_removed(own: Re2LLM) -> None:
    async with opened(own) as client:
        for _ in range(2):
            answer = await client.put("/v1/items/shop/Z1", json=ZEBRA)
            assert answer.status_code == 200
            assert answer.json()["attributes"] == {"price": 19.99, "brand": "Zylo"}
        assert await _first(client) == "shop/Z1"
        dearer = {"title": "Zebra Telescope", "attributes": {"price": 30}}
        await client.put("/v1/items/shop/Z1", json=dearer)
        read = (await client.get("/v1/items/shop/Z1")).json()
        assert read["attributes"] == {"price": 30.0}
        assert (await client.delete("/v1/items/shop/Z1")).status_code == 204
        assert (await client.delete("/v1/items/shop/Z1")).status_code == 404
        assert (await client.get("/v1/items/shop/Z1")).status_code == 404
        assert await _first(client) != "shop/Z1"
        await client.put("/v1/items/shop/Z1", json=ZEBRA)
        assert await _first(client) == "shop/Z1"


async def test_what_is_answered_is_kept(own: Re2LLM) -> None:
    async with opened(own) as client:
        many = [{"item_id": f"Z{n}", **ZEBRA} for n in range(3)]
        assert (await client.post("/v1/items", json={"items": many})).json() == {
            "item_ids": ["Z0", "Z1", "Z2"]
        }
        visits = [{"items": ["Z0", "Z1"], "session_id": "v"}] * 2
        assert (await client.post("/v1/visits", json={"sessions": visits})).json() == {"added": 2}
    workspace = Workspace(own.parts.settings.workspace)
    again = Stock(workspace, open_dataset(workspace.data))
    assert all(again.sells(f"Z{n}") for n in range(3))
    assert again.pending == 4


async def test_the_same_key_does_it_once(own: Re2LLM) -> None:
    async with opened(own) as client:
        headers = {"Idempotency-Key": "put-1"}
        body = {"sessions": [{"items": [own.parts.catalog.items[0].item_id]}]}
        for _ in range(3):
            answer = await client.post("/v1/visits", json=body, headers=headers)
            assert answer.json() == {"added": 1}
        assert own.parts.stock.pending == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/items", {"items": []}),
        ("/v1/items", {"items": [{"item_id": "A"}]}),
        ("/v1/items", {"items": [{"item_id": "A\u202e", "title": "x"}]}),
        ("/v1/items", {"items": [{"item_id": "A", "title": "x", "colour": "red"}]}),
        ("/v1/items", {"items": [{"item_id": "A", "title": "x", "attributes": {"p": 1e99}}]}),
        ("/v1/visits", {"sessions": [{"items": []}]}),
        ("/v1/visits", {"sessions": [{"items": ["A"], "timestamp": -5}]}),
    ],
)
async def test_what_is_malformed_is_a_problem(
    own: Re2LLM, path: str, body: dict[str, object]
) -> None:
    async with opened(own) as client:
        answer = await client.post(path, json=body)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert own.parts.stock.pending == 0


async def test_a_chat_key_may_read_items_and_not_change_them(own: Re2LLM) -> None:
    item_id = own.parts.catalog.items[0].item_id
    async with opened(own, api_keys=KEYS) as client:
        assert (await client.get(f"/v1/items/{item_id}", headers=CHAT)).status_code == 200
        for method, path, body in (
            ("PUT", "/v1/items/Z1", ZEBRA),
            ("POST", "/v1/items", {"items": [{"item_id": "Z1", **ZEBRA}]}),
            ("DELETE", f"/v1/items/{item_id}", None),
            ("POST", "/v1/visits", {"sessions": [{"items": [item_id]}]}),
        ):
            answer = await client.request(method, path, json=body, headers=CHAT)
            assert answer.status_code == 403, (method, path)
        assert (await client.put("/v1/items/Z1", json=ZEBRA, headers=STAFF)).status_code == 200
