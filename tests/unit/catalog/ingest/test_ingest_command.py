"""`re2llm ingest` fills a workspace and says what came in."""

import re
from pathlib import Path

import pytest
import typer
from ingest_sources import csv, jsonl
from typer.testing import CliRunner

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.ingest.formats import formats
from re2llm.commands import data
from re2llm.errors import UserError

app = typer.Typer()
app.command()(data.ingest)


def run(*arguments: str | Path, catch: bool = True) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=catch)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_tells_what_came_in_and_the_first_bad_rows(tmp_path: Path) -> None:
    source = csv(tmp_path / "source")
    with (source / "interactions.csv").open("a") as file:
        file.write("u0;1;[never]\n" * 7)
    text = run(source, "--workspace", tmp_path / "shop", "--negatives", "3", "--rule", "day")
    assert re.search(r"items\s*│\s*8 ", text)
    assert re.search(r"train sessions\s*│\s*4 ", text)
    assert re.search(r"bad rows, left out\s*│\s*7 ", text)
    assert text.count("[never]") == 5
    assert "interactions.csv, line 20:" in text
    assert "and 2 more" in text
    candidates = open_dataset(tmp_path / "shop" / "data").test[0].candidates
    assert candidates is not None
    assert len(candidates) == 4


def test_its_help_names_every_format() -> None:
    text = re.sub(r"[\s│]+", " ", run("--help"))
    assert f"{', '.join(list(formats())[:-1])} or {list(formats())[-1]};" in text


def test_columns_can_be_named(tmp_path: Path) -> None:
    source = csv(tmp_path / "source") / "interactions.csv"
    source.write_text(source.read_text().replace("product_id", "article"))
    options = ["--item-column", "article", "--items-file", source.parent / "items.csv"]
    run(source, "--workspace", tmp_path / "shop", *options)
    assert open_dataset(tmp_path / "shop" / "data").catalog["1"].title == "Title 1"


def test_a_mistake_is_told_and_the_workspace_stays(tmp_path: Path) -> None:
    run(jsonl(tmp_path / "source"), "--workspace", tmp_path / "shop")
    with pytest.raises(UserError, match="no file or folder"):
        run(tmp_path / "nowhere", "--workspace", tmp_path / "shop", catch=False)
    assert open_dataset(tmp_path / "shop" / "data").meta.source_format == "jsonl"
