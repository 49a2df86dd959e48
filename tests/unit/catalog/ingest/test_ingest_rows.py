"""Sources with a few odd rows: what can be read is read, the rest is counted and named."""

import gzip
from pathlib import Path

from ingest_sources import (
    ITEMS,
    SOURCES,
    USERS,
    csv,
    hetrec,
    jsonl,
    movielens,
    write_json,
)
from ingesting import append, run

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import Columns, IngestOptions


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
