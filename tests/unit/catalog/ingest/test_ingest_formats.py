"""The same small shop comes out of every format."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import pytest
from ingest_sources import (
    ITEMS,
    SOURCES,
    START,
    USERS,
    amazon_2018,
    clicks,
    csv,
    hetrec,
    jsonl,
    movielens,
    recbole,
    write_json,
    write_lines,
)

from re2llm.catalog.dataset import Dataset, open_dataset
from re2llm.catalog.ingest.formats import formats
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import Columns, IngestOptions
from re2llm.errors import UserError

FIRST: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "jsonl": ("Tom & Jerry", {"year": 1999}),
    "recbole": ("Tom & Jerry", {"year": 1999, "genres": ("Comedy", "Animation")}),
    "hetrec": (
        "Tom & Jerry",
        {
            "year": 1999,
            "imdb_id": "0114709",
            "genres": ("Comedy", "Animation"),
            "director": "Ann Bee",
            "country": "USA",
        },
    ),
    "movielens": (
        'Tom & Jerry, The "Film"',
        {"year": 1999, "genres": ("Comedy", "Animation")},
    ),
    "movielens-1m": ("Tom & Jerry", {"year": 1999, "genres": ("Comedy", "Animation")}),
    "amazon-2018": (
        "Tom & Jerry",
        {
            "brand": "Acme",
            "category": ("Toys & Games", "Puzzles"),
            "price": 1012.5,
            "description": "Good. Very good.",
        },
    ),
    "amazon-2023": (
        "Tom & Jerry",
        {
            "brand": "Acme",
            "category": ("Toys & Games", "Puzzles"),
            "price": 12.5,
            "description": "Good.",
            "platform": "PC",
        },
    ),
    "csv": (
        'Tom & Jerry, "red"',
        {
            "brand": "Acme",
            "price": 12.5,
            "category": ("Toys", "Puzzles"),
            "weight": 7,
            "code": "007",
        },
    ),
    "parquet": ("Tom & Jerry", {"genres": ("Comedy", "Animation"), "price": 12.5}),
}


def read(source: Path, options: IngestOptions | None = None) -> Dataset:
    folder = source.parent / "data"
    ingest(source, folder, options or IngestOptions())
    return open_dataset(folder)


def walks(data: Dataset) -> list[tuple[str, ...]]:
    sessions = (*data.train_sessions, *data.valid, *data.test)
    return [(*session.items, str(session.target)) for session in sessions]


def test_every_format_is_tried_here() -> None:
    assert set(formats()) == set(SOURCES) == set(FIRST)


@pytest.mark.parametrize("name", SOURCES)
def test_a_format_is_found_out_and_read_whole(tmp_path: Path, name: str) -> None:
    data = read(SOURCES[name](tmp_path / "source"))
    assert data.meta.source_format == name
    assert len(data.catalog) == ITEMS
    assert walks(data) == [
        tuple(str((user + step) % ITEMS) for step in range(3)) for user in range(USERS)
    ]
    assert [len(part) for part in (data.train_sessions, data.valid, data.test)] == [4, 1, 1]
    ends = [session.timestamp for session in (*data.train_sessions, *data.valid, *data.test)]
    assert ends == sorted(ends)
    assert START <= ends[0] < START + 86_400
    title, attributes = FIRST[name]
    assert data.catalog["0"].title == title
    assert dict(data.catalog["0"].attributes) == attributes
    assert data.meta.counts["bad rows left out"] == 0


@pytest.mark.parametrize("name", SOURCES)
def test_a_format_can_be_asked_for(tmp_path: Path, name: str) -> None:
    source = SOURCES[name](tmp_path / "source")
    assert len(read(source, IngestOptions(format=name)).catalog) == ITEMS


def test_hetrec_reads_time_stamps_in_milliseconds_and_latin_letters(tmp_path: Path) -> None:
    data = read(hetrec(tmp_path / "source", stamped=True))
    assert data.train_sessions[0].timestamp == START + 120
    assert data.catalog[str(ITEMS - 1)].title == "Amélie"


def test_hetrec_counts_a_date_that_does_not_exist(tmp_path: Path) -> None:
    source = hetrec(tmp_path / "source")
    with (source / "user_ratedmovies.dat").open("a") as file:
        file.write("u0\t1\t4\t31\t2\t2008\t1\t1\t1\n")
    report = ingest(source, tmp_path / "data", IngestOptions())
    assert report.bad_rows == 1
    assert "2008-02-31" in report.first_bad[0].problem


def test_amazon_takes_a_page_script_for_no_title(tmp_path: Path) -> None:
    data = read(amazon_2018(tmp_path / "source"))
    assert data.catalog["1"].title == "Item 1"
    assert data.meta.counts["items without a title"] == 1


def test_amazon_finds_the_products_beside_a_file_of_reviews(tmp_path: Path) -> None:
    source = amazon_2018(tmp_path / "source")
    assert read(source / "Toys_5.json.gz").catalog["2"].title == "Title 2"


def test_recbole_reads_its_sessions_and_quoted_lists(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    write_lines(
        folder / "shop.inter",
        [
            "session_id:token\titem_id:token",
            *(f"s{s}\t{(s + step) % ITEMS}" for s in range(4) for step in range(2)),
        ],
    )
    write_lines(
        folder / "shop.item",
        [
            "item_id:token\tcategories:token_seq",
            "0\t['Video Games', \"Kid's\"]",
            "1\tChildren's Men's Comedy",
        ],
    )
    data = read(folder / "shop.inter")
    assert data.catalog["0"].attributes == {"category": ("Video Games", "Kid's")}
    assert data.catalog["1"].attributes == {"category": ("Children's", "Men's", "Comedy")}
    assert walks(data) == [("0", "1"), ("1", "2"), ("2", "3"), ("3", "4")]
    assert "no times" in data.meta.split


def test_recbole_asks_which_of_several_files(tmp_path: Path) -> None:
    source = recbole(tmp_path / "source")
    (source / "shop.test.inter").write_text("user_id:token\titem_id:token\n")
    with pytest.raises(UserError, match=r"shop\.test\.inter"):
        read(source)


def test_named_columns_are_taken_where_the_usual_names_are_absent(tmp_path: Path) -> None:
    rows = [
        "who,what,when,label",
        *(f"{c.user},{c.item},{c.time},Thing {c.item}" for c in clicks()),
    ]
    source = write_lines(tmp_path / "log.csv", rows)
    columns = Columns(user="who", item="what", time="when", title="label")
    data = read(source, IngestOptions(columns=columns))
    assert data.catalog["3"].title == "Thing 3"
    assert len(walks(data)) == USERS


def test_dates_in_words_are_times(tmp_path: Path) -> None:
    forms = [
        "2024-05-01",
        "2024-05-01 10:00:00",
        "2024-05-01T10:00:00Z",
        "2024-05-01T12:00:00+02:00",
    ]
    rows = ["user_id,item_id,date"]
    rows += [f"{place},{item},{form}" for place, form in enumerate(forms) for item in (1, 2)]
    data = read(write_lines(tmp_path / "log.csv", rows))
    ends = {s.session_id: s.timestamp for s in (*data.train_sessions, *data.valid, *data.test)}
    noon = 1_714_557_600.0
    assert ends == {"0-1": noon - 36_000, "1-1": noon, "2-1": noon, "3-1": noon}


def test_an_items_file_of_another_name_and_kind_can_be_given(tmp_path: Path) -> None:
    source = csv(tmp_path / "source")
    other = (source / "items.csv").rename(tmp_path / "catalogue.tsv")
    options = IngestOptions(items_file=other)
    assert read(source, options).catalog["1"].title == "Title 1"


def test_a_packed_table_reads_as_the_plain_one(tmp_path: Path) -> None:
    source = movielens(tmp_path / "source") / "ratings.csv"
    packed = tmp_path / "ratings.csv.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    assert len(walks(read(packed, IngestOptions(columns=Columns(item="movieId"))))) == USERS


def test_jsonl_takes_published_splits_candidates_and_another_test_file(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "source")
    (source / "sessions.jsonl").unlink()
    for name in ("train", "valid", "test", "other"):
        session = {
            "session_id": name,
            "items": ["1", "2"],
            "target": "3",
            "candidates": ["3", "4", "4", "unlisted"],
        }
        write_json(source / f"{name}.jsonl", [session, {"items": ["1", "4", "5"]}])
    data = read(source, IngestOptions(test_file="other.jsonl"))
    published, bare = data.test
    assert (published.session_id, published.candidates) == ("other", ("3", "4", "unlisted"))
    assert (bare.items, bare.target) == (("1", "4"), "5")
    assert bare.candidates is not None
    assert len(bare.candidates) == 3
    assert data.catalog["unlisted"].title == "Item unlisted"
    assert data.meta.split == "as published"


def test_low_ratings_do_not_count(tmp_path: Path) -> None:
    source = movielens(tmp_path / "source")
    with (source / "ratings.csv").open("a") as file:
        file.write(f"u0,7,1.0,{START + 300}\n")
    data = read(source, IngestOptions(min_rating=3.5))
    assert ("0", "1", "2") in walks(data)
    assert data.meta.counts["interactions rated too low"] == 1
