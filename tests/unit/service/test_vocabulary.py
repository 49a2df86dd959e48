"""Chats know what the shop calls its items as they are now, and not as they were at the start."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from service_client import opened
from shop_settings import settings_for

from re2llm.catalog.items import Catalog, Item, LiveCatalog, removed
from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.graph.app import Re2LLM
from re2llm.service.chat.gathered import read_lexicon
from re2llm.service.chat.vocabulary import Vocabulary

ZEBRA = {"title": "Zebra Telescope", "attributes": {"price": 19.99, "category": "Telescope"}}


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Re2LLM]:
    """A shop that a test may change."""
    write_shop(tmp_path / "data", ShopPlan(items=250, sessions=60))
    async with await Re2LLM.open(settings_for(tmp_path)) as app:
        yield app


async def say(client: httpx.AsyncClient, message: str) -> dict[str, Any]:
    session_id = (await client.post("/v1/sessions")).json()["session_id"]
    answer = await client.post(f"/v1/sessions/{session_id}/chat", json={"message": message})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_kind_that_came_after_the_start_is_understood_without_a_restart(own: Re2LLM):
    async with opened(own) as client:
        before = await say(client, "a telescope please")
        assert "S1" not in [card["item_id"] for card in before["cards"]]
        assert (await client.put("/v1/items/S1", json=ZEBRA)).status_code == 200
        after = await say(client, "a telescope please")
        assert [card["item_id"] for card in after["cards"]] == ["S1"]
        assert (await client.delete("/v1/items/S1")).status_code == 204
        gone = await say(client, "a telescope please")
        assert "S1" not in [card["item_id"] for card in gone["cards"]]
        assert gone["text"] == before["text"]


def some_items(rng: random.Random, count: int) -> list[Item]:
    brands, kinds = ("Zylo", "Acme", "Nord"), ("Lamp", "Kettle", "Desk Lamp", "Mug")
    return [
        Item(
            item_id=f"i{place}",
            title=f"{rng.choice(brands)} {rng.choice(kinds)} {rng.randrange(9)}",
            attributes={
                "brand": rng.choice(brands),
                "genres": tuple(rng.sample(kinds, 2)),
                **({"price": float(rng.randrange(50))} if rng.random() < 0.8 else {}),
            },
        )
        for place in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
async def test_what_is_read_piece_by_piece_is_what_is_read_at_once(seed: int):
    rng = random.Random(seed)
    catalog, stamp = LiveCatalog(Catalog(some_items(rng, 30))), [object()]
    vocabulary = Vocabulary(catalog, lambda: stamp[0])
    for _ in range(6):
        for item in some_items(rng, 40):
            if rng.random() < 0.3:
                catalog.put(removed(item) if rng.random() < 0.3 else item)
        stamp[0] = object()
        assert await vocabulary.latest() == read_lexicon(catalog)
    catalog.become(Catalog(some_items(rng, 12)))
    stamp[0] = object()
    assert await vocabulary.latest() == read_lexicon(catalog)


async def test_nothing_is_read_where_no_item_changed():
    catalog, stamp = Catalog(some_items(random.Random(0), 5)), [object()]
    vocabulary = Vocabulary(catalog, lambda: stamp[0])
    before = vocabulary.now
    stamp[0] = object()
    assert await vocabulary.latest() is before
    catalog.put(replace(catalog.items[0], title="Quill"))
    assert await vocabulary.latest() is before
    stamp[0] = object()
    told = await asyncio.gather(*(vocabulary.latest() for _ in range(20)))
    assert len({id(one) for one in told}) == 1
    assert "quill" in told[0].known
