"""Broken sources: what is wrong is said, and nothing that was there before is touched."""

import gzip
from collections.abc import Callable
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
    parquet,
    recbole,
    write_json,
    write_lines,
)

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import Columns, IngestOptions
from re2llm.catalog.ingest.report import IngestReport
from re2llm.errors import UserError


def run(source: Path, options: IngestOptions | None = None) -> IngestReport:
    return ingest(source, source.parent / "data", options or IngestOptions())


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(line + b"\n" for line in lines)


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


def test_a_few_bad_rows_are_counted_with_file_line_and_problem(tmp_path: Path) -> None:
    source = csv(tmp_path / "source")
    append(
        source / "interactions.csv",
        b"u0;1",
        b"u0;1;yesterday",
        b"u0;;1200000000",
        b";1;1200000000",
        b"u0;\xff;1200000000",
        b"u0;1;-5",
        b"u0;a\x01b;1200000000",
        b"",
    )
    report = run(source)
    first = 2 + USERS * 3
    assert [(row.line - first, row.problem) for row in report.first_bad] == [
        (4, "is no text in UTF-8 (byte 4)"),
        (0, "has 2 fields where 3 are expected"),
        (1, "time 'yesterday' is neither a number nor a date"),
        (2, "has no item id"),
        (3, "has no user id"),
        (5, "time '-5' is before 1970"),
        (6, "has control characters in its item id"),
    ]
    assert {row.file for row in report.first_bad} == {"interactions.csv"}
    assert report.bad_rows == 7
    assert sum(report.sessions.values()) == USERS


def test_bad_json_records_are_counted_with_line_and_problem(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "source")
    append(source / "items.jsonl", b'{"title": "Nameless"}', b'{"item_id": "x", "attributes": 3}')
    append(
        source / "sessions.jsonl",
        b'{"items": ["1", "2"], "target": "3", "timestamp": -1}',
        b'{"items": "1", "target": "3"}',
        b'{"items": ["1"]}',
        b'{"session_id": "s0", "items": ["1"], "target": "2"}',
        b'["1", "2"]',
    )
    report = run(source)
    assert [(row.file, row.line) for row in report.first_bad] == [
        *(("sessions.jsonl", USERS + n) for n in range(1, 6)),
        *(("items.jsonl", ITEMS + n) for n in (1, 2)),
    ]
    problems = " / ".join(row.problem for row in report.first_bad)
    for part in (
        "'timestamp' -1",
        "no list",
        "fewer than two",
        "'s0'",
        "no JSON object",
        "item_id",
    ):
        assert part in problems


def test_only_so_many_bad_rows_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    source = hetrec(tmp_path / "source")
    append(source / "user_ratedmovies.dat", *([b"u0\t1"] * 9))
    report = run(source, IngestOptions(keep_bad=3))
    assert (len(report.first_bad), report.bad_rows) == (3, 9)


def test_a_quote_left_open_is_one_bad_row(tmp_path: Path) -> None:
    source = csv(tmp_path / "source")
    append(source / "items.csv", b'9,"open,Acme,1,,,')
    report = run(source)
    assert report.bad_rows == 1
    assert report.items == ITEMS


def test_a_quoted_field_may_hold_separators_and_line_ends(tmp_path: Path) -> None:
    source = csv(tmp_path / "source")
    append(source / "items.csv", b'9,"One, two', b'three",Acme,1,,,', b"10,After,,,,,")
    report = run(source)
    items = open_dataset(tmp_path / "data").catalog
    assert items["9"].title == "One, two three"
    assert items["10"].title == "After"
    assert report.bad_rows == 0


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    source = csv(tmp_path / "source") / "interactions.csv"
    source.write_bytes(b"\xef\xbb\xbf" + source.read_bytes().replace(b"\n", b"\r\n"))
    assert sum(run(source).sessions.values()) == USERS


def test_progress_ends_at_its_total(tmp_path: Path) -> None:
    for name, make in SOURCES.items():
        told: list[tuple[int, int]] = []
        ingest(
            make(tmp_path / name),
            tmp_path / "data",
            IngestOptions(),
            lambda done, total, told=told: told.append((done, total)),
        )
        assert told, name
        assert told[-1][0] == told[-1][1] > 0, name
        assert told == sorted(told), name


def test_a_packed_file_counts_its_packed_bytes(tmp_path: Path) -> None:
    source = movielens(tmp_path / "source")
    packed = source / "log.csv.gz"
    packed.write_bytes(gzip.compress((source / "ratings.csv").read_bytes()))
    told: list[tuple[int, int]] = []
    options = IngestOptions(columns=Columns(item="movieId"))
    ingest(packed, tmp_path / "data", options, lambda done, total: told.append((done, total)))
    assert told[-1] == (packed.stat().st_size, packed.stat().st_size)


def test_a_published_list_that_lacks_the_target_is_kept_and_counted(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "source")
    (source / "sessions.jsonl").unlink()
    for name in ("train", "valid", "test"):
        session = {"items": ["1"], "target": "2", "candidates": ["3", "4"]}
        write_json(source / f"{name}.jsonl", [session])
    report = run(source)
    assert report.counts["sessions whose published candidates lack the target"] == 3
