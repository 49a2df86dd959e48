"""Changes are folded in while a service goes on, and broken indexes are mended."""

import asyncio
import json
import threading
from pathlib import Path

import pytest
from shop_settings import settings_for
from stocked import ZEBRA, opened, until

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.graph.app import Re2LLM
from re2llm.graph.rebuild import rebuild
from re2llm.graph.retrieval import open_retrieval
from re2llm.graph.stock import Stock
from re2llm.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_shop(tmp_path / "data", ShopPlan(items=300, sessions=80))
    return Workspace(tmp_path)


def test_folding_in_keeps_everything_and_is_taken_over_while_serving(
    workspace: Workspace,
) -> None:
    from re2llm.catalog.candidates import Query
    from re2llm.catalog.changes import Change
    from re2llm.graph.deliveries import read_items, read_visits

    stock = opened(workspace)
    stock.watch()
    old = stock.retrieval
    asked, failed, ended = [0], [], threading.Event()
    known = [item.item_id for item in stock.catalog][:50]

    def ask() -> None:
        while not ended.is_set():
            for item_id in known:
                try:
                    found = stock.retrieve(Query(session=(item_id,)), 10)
                    assert len(found) == 10
                    assert all(stock.catalog[one.item.item_id] for one in found)
                except Exception as error:  # noqa: BLE001
                    failed.append(error)
                asked[0] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        stock.change(Change(items=tuple(read_items([ZEBRA])), remove=(known[7],)))
        stock.change(
            Change(sessions=tuple(read_visits([{"items": ["Z1", known[3]], "session_id": "s"}], 1)))
        )
        assert rebuild(workspace)
        until(lambda: stock.retrieval is not old and stock.pending == 0)
        late = {**ZEBRA, "item_id": "Z2", "title": "Zebra Microscope"}
        stock.change(Change(items=tuple(read_items([late]))))
        before = asked[0]
        until(lambda: asked[0] > before + 20)
    finally:
        ended.set()
        thread.join()
        stock.close()
    assert failed == []
    assert stock.sells("Z1")
    assert stock.sells("Z2")
    assert not stock.sells(known[7])
    assert stock.retrieval.version == old.version
    folded = open_dataset(workspace.data)
    assert list(folded.train_sessions)[-1].session_id == "s"
    assert len(folded.catalog) == 301
    assert opened(workspace).sells("Z2")
    assert rebuild(workspace)
    assert len(open_dataset(workspace.data).catalog) == 302


def test_a_session_told_again_after_it_was_folded_in_counts_once(workspace: Workspace) -> None:
    from re2llm.catalog.candidates import Candidate, Query
    from re2llm.catalog.changes import Change
    from re2llm.graph.deliveries import read_visits

    def visits(*rows: list[str]) -> Change:
        told = [{"items": row, "session_id": f"s{n}"} for n, row in enumerate(rows)]
        return Change(sessions=tuple(read_visits(told, latest)))

    def said(stock: Stock) -> dict[str, Candidate]:
        return {one.item.item_id: one for one in stock.score(Query(session=(known[3],)), known)}

    data = open_dataset(workspace.data)
    known = [item.item_id for item in data.catalog]
    latest = float(data.train.timestamps[-1])
    plain = opened(workspace)
    pair = visits(*[[known[3], known[40]]] * 5)
    plain.change(pair)
    assert rebuild(workspace)
    stock = opened(workspace)
    once = said(stock)
    stock.change(pair)
    again = said(stock)
    for source in ("neighbours", "together", "popularity"):
        for item_id in (known[3], known[40], known[41]):
            was, now = (one[item_id].evidence[source] for one in (once, again))
            assert now == pytest.approx(was, abs=0.02)
    stock.change(visits(*[[known[3], known[50]]] * 5))
    other = said(stock)
    assert other[known[40]].evidence["together"] < once[known[40]].evidence["together"]
    assert other[known[40]].evidence["neighbours"] < once[known[40]].evidence["neighbours"]
    assert other[known[50]].evidence["together"] > once[known[50]].evidence["together"]


def test_what_is_changed_while_folding_goes_on_beside_the_new_data(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from re2llm.catalog.changes import Change
    from re2llm.graph import rebuild as module
    from re2llm.graph.deliveries import read_items

    stock = opened(workspace)
    stock.change(Change(items=tuple(read_items([ZEBRA]))))
    late = {**ZEBRA, "item_id": "Z2"}
    build = module.open_retrieval

    def building(*given: object) -> object:
        stock.change(Change(items=tuple(read_items([late]))))
        return build(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "open_retrieval", building)
    assert rebuild(workspace)
    again = opened(workspace)
    assert again.sells("Z1")
    assert again.sells("Z2")
    assert again.pending == 1
    assert len(open_dataset(workspace.data).catalog) == 301


def test_a_new_ingest_takes_over_while_serving(workspace: Workspace) -> None:
    from re2llm.catalog.candidates import Query

    stock = opened(workspace)
    known = [item.item_id for item in stock.catalog]
    write_shop(workspace.data, ShopPlan(items=250, sessions=60, seed=9))
    assert stock.refresh()
    assert len(stock.catalog) == 250
    assert stock.retrieve(Query(session=()), 5)
    assert stock.catalog[known[-1]]  # for requests that began before
    assert known[-1] not in stock.catalog or len(known) <= 250


def test_a_missing_or_broken_index_is_built_once_and_a_stale_one_is_not_used(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[Path] = []
    dataset = open_dataset(workspace.data)

    def open_one() -> None:
        found.append(open_retrieval(workspace, dataset).place)

    threads = [threading.Thread(target=open_one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    place = found[0]
    built = (place / "manifest.json").stat().st_ino
    open_one()
    assert (place / "manifest.json").stat().st_ino == built
    (place / "encoder.npz").write_bytes(b"half")
    open_one()
    assert (place / "manifest.json").stat().st_ino != built
    assert "is damaged" in caplog.text
    told = json.loads((place / "weights.json").read_text())
    assert told["weights"]
    write_shop(workspace.data, ShopPlan(items=300, sessions=90, seed=3))
    assert open_retrieval(workspace, open_dataset(workspace.data)).place != place


def test_damage_that_is_found_while_serving_is_mended(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from re2llm.catalog.candidates import Query
    from re2llm.catalog.retrieve import index

    monkeypatch.setattr(index, "_WHOLE", 0)
    place = opened(workspace).retrieval.place
    array = place / "titles.weights.npy"
    array.write_bytes(array.read_bytes()[:-4] + b"\x00\x00\x00\x40")
    stock = opened(workspace)
    harmed = stock.retriever
    stock.watch()
    try:
        until(lambda: stock.retriever is not harmed)
    finally:
        stock.close()
    index.check_index(stock.retrieval.place)
    assert stock.retrieve(Query(session=()), 3)


async def test_many_changes_are_folded_in_by_a_process_of_its_own(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("re2llm.graph.stock.MANY", 10)
    async with await Re2LLM.open(settings_for(workspace.root)) as app:
        items = [{**ZEBRA, "item_id": f"Z{n}"} for n in range(12)]
        await app.upsert_items(items)
        for _ in range(600):
            if app.parts.stock.pending == 0:
                break
            await asyncio.sleep(0.1)
        assert app.parts.stock.pending == 0
        assert app.parts.stock.sells("Z11")
