"""What items look like once they are in."""

from pathlib import Path

import pytest
from ingest_sources import jsonl, write_json

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import RawItem
from re2llm.catalog.ingest.tidy import item_id_of, tidy_attributes, tidy_items
from re2llm.catalog.items import AttributeValue


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("price", "$1,299.00", 1299.0),
        ("price", "from 5.5 to 7", 5.5),
        ("price", "—", None),
        ("price", -3, None),
        ("price", float("nan"), None),
        ("year", "released in 1999", 1999),
        ("year", "19990", None),
        ("year", 1999.0, 1999),
        ("available", True, 1),
        ("genres", "Comedy|Drama|Comedy", ("Comedy", "Drama")),
        ("category", "Games &amp; Toys > Puzzles", ("Games & Toys", "Puzzles")),
        ("category", ["", "Games"], ("Games",)),
        ("brand", "Acme\u202e &trade;\n Inc", "Acme ™ Inc"),
        ("brand", "", None),
        ("brand", None, None),
        ("brand", {"name": "Acme"}, None),
        ("description", ["One.", "<b>Two.</b>"], "One. Two."),
    ],
)
def test_an_attribute_is_cleaned(name: str, raw: object, expected: AttributeValue | None) -> None:
    assert tidy_attributes({name: raw}).get(name) == expected


def test_common_names_become_the_ones_the_rest_reads() -> None:
    raw = {"Store": "Acme", "Categories": "A > B", "release_year": "2001", "genre": "Drama"}
    assert tidy_attributes(raw) == {
        "brand": "Acme",
        "category": ("A", "B"),
        "year": 2001,
        "genres": ("Drama",),
    }


def test_lists_and_words_are_bounded() -> None:
    tidy = tidy_attributes(
        {"genres": [f"g{n}" for n in range(500)], "brand": "x" * 5000, "description": "y" * 5000}
    )
    assert [len(str(tidy["brand"])), len(str(tidy["description"]))] == [200, 1000]
    genres = tidy["genres"]
    assert isinstance(genres, tuple)
    assert len(genres) == 20


def test_items_listed_twice_are_one_and_the_first_word_counts() -> None:
    tally = Tally()
    items = tidy_items(
        [
            RawItem(item_id="1", title="", attributes={"brand": "Acme"}),
            RawItem(
                item_id="1", title="Later &amp; found", attributes={"brand": "B", "year": 2000}
            ),
            RawItem(item_id="2", title="<b> </b>", attributes={}),
        ],
        tally,
    )
    assert [(item.item_id, item.title) for item in items] == [
        ("1", "Later & found"),
        ("2", "Item 2"),
    ]
    assert items[0].attributes == {"brand": "Acme", "year": 2000}
    assert tally.counts == {
        "items listed more than once, merged": 1,
        "items without a title": 1,
    }


@pytest.mark.parametrize("raw", [None, "", "  ", True, 1.5, ["1"], "a\nb", "a\u202eb"])
def test_what_is_no_identifier_is_refused(raw: object) -> None:
    assert item_id_of(raw) is None


def test_ids_may_be_numbers_or_words() -> None:
    assert [item_id_of(7), item_id_of(" B00-7 ")] == ["7", "B00-7"]


def test_two_items_of_one_title_stay_two(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "source")
    write_json(
        source / "items.jsonl",
        [{"item_id": str(n), "title": "Same &#38; same"} for n in range(8)],
    )
    report = ingest(source, tmp_path / "data", IngestOptions())
    assert report.items == 8
    assert {item.title for item in open_dataset(tmp_path / "data").catalog} == {"Same & same"}
