"""Files are added to what is there: items as told, sessions once, mere names change nothing."""

from pathlib import Path

import pytest

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.ingest.add import add
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.errors import UserError
from re2llm.graph.stock import Stock
from re2llm.workspace import Workspace


def clicks(path: Path, first: int, sessions: int = 30) -> Path:
    rows = [
        f"s{first + n},p{(first + n + step) % 9},{1_700_000_000 + 100 * (first + n) + step}"
        for n in range(sessions)
        for step in range(3)
    ]
    path.write_text("\n".join(["session_id,item_id,timestamp", *rows]) + "\n")
    return path


def test_items_and_sessions_of_a_source_are_added_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "shop")
    items = tmp_path / "items.csv"
    titles = [f"p{n},Thing {n},{n + 1}" for n in range(9)]
    items.write_text("\n".join(["item_id,title,price", *titles]) + "\n")
    ingest(clicks(tmp_path / "old.csv", 0), workspace.data, IngestOptions(items_file=items))
    stock = Stock(workspace, open_dataset(workspace.data))
    items.write_text("item_id,title,price\np1,Thing 1,99\nnew,New thing,5\n")
    source = clicks(tmp_path / "more.csv", 100)
    for _ in range(2):
        add(source, workspace.data, IngestOptions(items_file=items))
    assert stock.refresh()
    assert stock.catalog["new"].title == "New thing"
    assert stock.catalog["p1"].attributes["price"] == 99.0
    assert stock.catalog["p2"].title == "Thing 2"
    assert stock.pending == 2 + 30


def test_there_must_be_something_to_add_to(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="re2llm ingest"):
        add(clicks(tmp_path / "c.csv", 0), tmp_path / "none", IngestOptions())
