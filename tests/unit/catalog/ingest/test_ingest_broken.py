"""Broken sources: what is wrong is said, and nothing that was there before is touched."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ingest_sources import (
    SOURCES,
    START,
    amazon_2018,
    clicks,
    csv,
    jsonl,
    movielens,
    parquet,
    recbole,
    write_lines,
)

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import Columns, IngestOptions
from re2llm.errors import UserError


def half_a_gzip(folder: Path) -> Path:
    source = amazon_2018(folder) / "Toys_5.json.gz"
    source.write_bytes(source.read_bytes()[:60])
    return folder


def half_a_packed_table(folder: Path) -> Path:
    rows = ["user_id,item_id,timestamp", *(f"{c.user},{c.item},{c.time}" for c in clicks() * 50)]
    source = write_lines(folder / "log.csv.gz", rows)
    source.write_bytes(source.read_bytes()[:-20])
    return source


def half_a_parquet(folder: Path) -> Path:
    source = parquet(folder) / "interactions.parquet"
    source.write_bytes(source.read_bytes()[:-30])
    return source


def column_missing(folder: Path) -> Path:
    return write_lines(folder / "log.csv", ["user_id,thing,timestamp", "1,2,3"])


def rating_column_missing(folder: Path) -> Path:
    source = movielens(folder)
    write_lines(source / "ratings.csv", ["userId,movieId,timestamp", "1,2,3"])
    return source


def utf_16(folder: Path) -> Path:
    return write_lines(folder / "log.csv", ["user_id,item_id", "1,2"], encoding="utf-16")


def latin_1_ids(folder: Path) -> Path:
    rows = ["user_id,item_id", *(f"ü{n},é" for n in range(9))]
    return write_lines(folder / "log.csv", rows, encoding="latin-1")


def not_json(folder: Path) -> Path:
    source = jsonl(folder)
    write_lines(source / "sessions.jsonl", ["{", "}", '{"items": ["1", "2"]}'])
    return source


def negative_times(folder: Path) -> Path:
    rows = ["user_id,item_id,timestamp", *(f"{c.user},{c.item},{-c.time}" for c in clicks())]
    return write_lines(folder / "log.csv", rows)


def empty_file(folder: Path) -> Path:
    return write_lines(folder / "log.csv", [])


def header_alone(folder: Path) -> Path:
    return write_lines(folder / "log.csv", ["user_id,item_id,timestamp"])


def empty_items(folder: Path) -> Path:
    source = jsonl(folder)
    (source / "items.jsonl").write_bytes(b"")
    return source


def wrong_folder(folder: Path) -> Path:
    return write_lines(folder / "holiday" / "beach.txt", ["sun"]).parent


def nowhere(folder: Path) -> Path:
    return folder / "nowhere"


def single_items(folder: Path) -> Path:
    rows = ["user_id,item_id,timestamp", *(f"{n},{n},{START + n}" for n in range(9))]
    return write_lines(folder / "log.csv", rows)


def films_missing(folder: Path) -> Path:
    source = movielens(folder)
    (source / "movies.csv").unlink()
    return source


BROKEN: list[tuple[Callable[[Path], Path], IngestOptions, str]] = [
    (half_a_gzip, IngestOptions(), r"Toys_5\.json\.gz.*cut off or damaged"),
    (half_a_packed_table, IngestOptions(), r"log\.csv\.gz.*cut off or damaged"),
    (half_a_parquet, IngestOptions(), r"interactions\.parquet.*cannot be read as Parquet"),
    (column_missing, IngestOptions(), r"item ids .*--item-column.*'thing'"),
    (column_missing, IngestOptions(columns=Columns(item="article")), r"no column 'article'"),
    (rating_column_missing, IngestOptions(), r"ratings\.csv.*no column 'rating'"),
    (utf_16, IngestOptions(), r"no text in UTF-8"),
    (latin_1_ids, IngestOptions(), r"9 of the \d+ rows.*line 2: is no text in UTF-8"),
    (not_json, IngestOptions(), r"2 of the 3 rows.*line 1: is no JSON"),
    (negative_times, IngestOptions(), r"18 of the 18 rows.*before 1970"),
    (empty_file, IngestOptions(), r"log\.csv"),
    (header_alone, IngestOptions(), r"holds no rows"),
    (empty_items, IngestOptions(), r"items\.jsonl.*holds no rows"),
    (wrong_folder, IngestOptions(), r"looks like no format.*jsonl.*parquet"),
    (wrong_folder, IngestOptions(format="jsonl"), r"no file 'items\.jsonl'"),
    (wrong_folder, IngestOptions(format="recbole"), r"one '\.inter' file is needed"),
    (wrong_folder, IngestOptions(format="hetrec"), r"user_ratedmovies\.dat"),
    (wrong_folder, IngestOptions(format="amazon-2018"), r"no reviews"),
    (wrong_folder, IngestOptions(format="csv"), r"no table 'interactions'"),
    (wrong_folder, IngestOptions(format="excel"), r"format 'excel' is unknown; use one of jsonl"),
    (nowhere, IngestOptions(), r"no file or folder"),
    (single_items, IngestOptions(), r"only 0 sessions of two items"),
    (films_missing, IngestOptions(format="movielens"), r"no file 'movies\.csv'"),
    (jsonl, IngestOptions(max_length=1), r"max_length must be at least 2"),
    (jsonl, IngestOptions(negatives=0), r"negatives must be at least 1"),
    (jsonl, IngestOptions(valid_share=0.5, test_share=0.5), r"leave something to train on"),
    (csv, IngestOptions(min_rating=3.0), r"has no ratings"),
    (csv, IngestOptions(rule="session"), r"needs a session column"),
    (csv, IngestOptions(items_file=Path("nowhere.csv")), r"no file 'nowhere\.csv'"),
    (amazon_2018, IngestOptions(items_file=Path(__file__)), r"no file of products"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with data in it."""
    folder = tmp_path_factory.mktemp("shop")
    ingest(jsonl(folder / "source"), folder / "data", IngestOptions())
    return folder


@pytest.mark.parametrize(
    ("make", "options", "message"), BROKEN, ids=[f"{m.__name__}-{w}" for m, _, w in BROKEN]
)
def test_a_broken_source_is_refused_and_the_old_data_stays(
    shop: Path,
    tmp_path: Path,
    make: Callable[[Path], Path],
    options: IngestOptions,
    message: str,
) -> None:
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=f"(?s){message}"):
        ingest(make(tmp_path / "new"), shop / "data", options)
    after = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    assert after == before
    assert open_dataset(shop / "data").catalog["0"].title == "Tom & Jerry"


def test_a_broken_source_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        ingest(wrong_folder(tmp_path / "new"), tmp_path / "shop" / "data", IngestOptions())
    assert not (tmp_path / "shop").exists()


def test_a_disk_that_refuses_leaves_the_old_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    ingest(jsonl(tmp_path / "old"), data, IngestOptions())

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("re2llm.catalog.dataset_files.os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        ingest(recbole(tmp_path / "new"), data, IngestOptions())
    assert open_dataset(data).meta.source_format == "jsonl"
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith(".")}
    assert left <= {".data.lock"}


def test_a_new_ingest_takes_the_place_of_the_old(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("jsonl", "csv"):
        ingest(SOURCES[name](tmp_path / name), data, IngestOptions())
    assert open_dataset(data).meta.source_format == "csv"
