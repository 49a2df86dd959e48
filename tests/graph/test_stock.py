"""What a shop sells changes while it is served: kept, seen by everybody, folded in, never lost."""

from pathlib import Path

import pytest
from shop_settings import settings_for
from stocked import ZEBRA, opened, until

from re2llm.catalog.items import Item
from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.sync import SyncRe2LLM
from re2llm.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_shop(tmp_path / "data", ShopPlan(items=300, sessions=80))
    return Workspace(tmp_path)


async def test_an_item_can_be_recommended_as_soon_as_it_is_put_in(workspace: Workspace) -> None:
    async with await Re2LLM.open(settings_for(workspace.root)) as app:
        assert await app.upsert_items([ZEBRA]) == ["Z1"]
        slate = await app.recommend(request="a zebra telescope", k=3)
        assert slate.items[0].item_id == "Z1"
        assert slate.items[0].attributes["price"] == 19.99
        assert len(await app.upsert_items([{**ZEBRA, "price": 25}])) == 1
        dear = await app.recommend(request="a zebra telescope over 20", k=3)
        assert dear.items[0].item_id == "Z1"
        assert await app.remove_items(["Z1", "nobody"]) == ["Z1"]
        assert await app.remove_items(["Z1"]) == []
        gone = await app.recommend(["Z1"], request="a zebra telescope", k=3)
        assert "Z1" not in gone.item_ids


async def test_candidates_that_are_not_sold_are_left_out_and_named(workspace: Workspace) -> None:
    async with await Re2LLM.open(settings_for(workspace.root)) as app:
        first, second, third = [item.item_id for item in app.parts.catalog][:3]
        await app.remove_items([first])
        await app.upsert_items([{"item_id": second, "title": "Sold out", "available": 0}])
        slate = await app.recommend(candidates=[first, second, third], k=3)
        assert slate.item_ids == (third,)
        assert any("out of stock" in notice and first in notice for notice in slate.notices)


async def test_new_sessions_count_at_once(workspace: Workspace) -> None:
    async with await Re2LLM.open(settings_for(workspace.root)) as app:
        one, other = [item.item_id for item in app.parts.catalog][100:102]
        told = [{"items": [one, other], "session_id": f"s{n}"} for n in range(40)]
        assert await app.add_sessions(told) == 40
        assert app.parts.stock.pending == 40
        assert await app.add_sessions(told) == 40
        assert app.parts.stock.pending == 40
        slate = await app.recommend([one], k=5)
        assert other in slate.item_ids


@pytest.mark.parametrize(
    ("items", "named"),
    [
        ([{"title": "no id"}], "item 1"),
        ([ZEBRA, {"item_id": "A\u202e", "title": "hidden"}], "item 2"),
        ([{"item_id": "A", "title": 7}], "'A'"),
        (["A"], "item 1"),
        ("A", "a list of items"),
    ],
)
async def test_a_malformed_item_is_named_and_nothing_changes(
    workspace: Workspace, items: list[object], named: str
) -> None:
    async with await Re2LLM.open(settings_for(workspace.root)) as app:
        with pytest.raises(UserError, match=named):
            await app.upsert_items(items)  # type: ignore[arg-type]
        assert "Z1" not in app.parts.catalog
        for sessions in ([{"items": []}], [{"items": ["a"], "timestamp": "now"}], [["a"]]):
            with pytest.raises(UserError, match="session 1"):
                await app.add_sessions(sessions)  # type: ignore[arg-type, list-item]


def test_the_same_without_an_event_loop(workspace: Workspace) -> None:
    with SyncRe2LLM(settings_for(workspace.root)) as app:
        app.upsert_items([Item(item_id="Z1", title="Zebra Telescope", attributes={"price": 5.0})])
        assert app.add_sessions([{"items": ["Z1"]}]) == 1
        assert app.recommend(request="zebra telescope", k=1).item_ids == ("Z1",)
        assert app.remove_items(["Z1"]) == ["Z1"]


def test_changes_outlive_the_process_and_reach_other_ones(workspace: Workspace) -> None:
    first, second = opened(workspace), opened(workspace)
    second.watch()
    try:
        from re2llm.catalog.changes import Change
        from re2llm.graph.deliveries import read_items

        first.change(Change(items=tuple(read_items([ZEBRA]))))
        until(lambda: second.sells("Z1"))
        second.remove(["Z1"])
        assert first.refresh()
        assert not first.sells("Z1")
        third = opened(workspace)
        assert "Z1" in third.catalog
        assert not third.sells("Z1")
    finally:
        second.close()
