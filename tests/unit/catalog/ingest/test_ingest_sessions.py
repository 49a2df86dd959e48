"""Where sessions are cut, how they are split, and who stands beside the target."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_sources import DAY, START, csv, jsonl, write_json, write_lines

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.ingest.cut import cut_sessions, split_sessions
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.negatives import add_candidates
from re2llm.catalog.ingest.options import IngestOptions, Rule
from re2llm.catalog.ingest.report import Tally

LOG = {"user": pl.String, "item": pl.UInt32, "time": pl.Float64, "session": pl.String}


def cut(
    rows: list[tuple[str, int, float | None, str | None]],
    rule: Rule,
    options: IngestOptions | None = None,
    tally: Tally | None = None,
) -> dict[str, list[int]]:
    log = pl.DataFrame(rows, schema=LOG, orient="row")
    found = cut_sessions(log, rule, options or IngestOptions(), tally or Tally())
    return {
        name: [*items, target]
        for name, items, target in found.select("session_id", "items", "target").iter_rows()
    }


def test_each_rule_ends_sessions_in_its_own_place() -> None:
    evening = START + DAY - 100
    rows = [
        ("u", 1, evening, "a"),
        ("u", 2, evening + 50, "a"),
        ("u", 3, evening + 150, "b"),
        ("u", 4, evening + 200, "b"),
        ("u", 5, evening + 200 + 1801, "b"),
        ("u", 6, evening + 200 + 1802, "b"),
    ]
    assert list(cut(rows, "gap").values()) == [[1, 2, 3, 4], [5, 6]]
    assert list(cut(rows, "day").values()) == [[1, 2], [3, 4, 5, 6]]
    assert cut(rows, "user") == {"u": [1, 2, 3, 4, 5, 6]}
    assert cut(rows, "session") == {"a": [1, 2], "b": [3, 4, 5, 6]}
    long = IngestOptions(gap_minutes=31)
    assert list(cut(rows, "gap", long).values()) == [[1, 2, 3, 4, 5, 6]]


def test_sessions_of_two_shoppers_do_not_mix() -> None:
    rows = [(user, item, START + item, None) for item in range(3) for user in ("u", "v")]
    assert cut(rows, "gap") == {"u-1": [0, 1, 2], "v-1": [0, 1, 2]}


def test_without_times_the_order_in_the_file_counts() -> None:
    rows = [("u", 3, None, None), ("v", 1, None, None), ("u", 2, None, None), ("v", 5, None, None)]
    assert cut(rows, "user") == {"u": [3, 2], "v": [1, 5]}


def test_repeats_collapse_long_sessions_keep_their_end_and_single_items_go() -> None:
    tally = Tally()
    rows = [("u", item, START + place, None) for place, item in enumerate([7, 7, 1, 2, 3, 4])]
    rows += [("u", 4, START + 5, None), ("v", 1, START, None), ("w", 2, START, None)]
    rows += [("w", 2, START + 9, None)]
    assert cut(rows, "user", IngestOptions(max_length=3), tally) == {"u": [2, 3, 4]}
    assert tally.counts == {
        "interactions repeated at once, counted once": 3,
        "sessions cut to their latest items": 1,
        "sessions of a single item, left out": 2,
    }


def test_going_back_to_an_item_is_part_of_the_session() -> None:
    rows = [("u", item, START + place, None) for place, item in enumerate([1, 2, 1])]
    assert cut(rows, "user") == {"u": [1, 2, 1]}


@given(
    ends=st.lists(st.integers(0, 50), min_size=3, max_size=60),
    shares=st.tuples(st.floats(0.01, 0.45), st.floats(0.01, 0.45)),
)
def test_no_session_is_learnt_from_that_ends_after_one_to_be_judged(
    ends: list[int], shares: tuple[float, float]
) -> None:
    sessions = pl.DataFrame({"timestamp": sorted(map(float, ends))})
    options = IngestOptions(valid_share=shares[0], test_share=shares[1])
    splits, _ = split_sessions(sessions, options)
    times = [splits[name]["timestamp"].to_list() for name in ("train", "valid", "test")]
    assert all(times)
    assert max(times[0]) <= min(times[1])
    assert max(times[1]) <= min(times[2])
    assert [time for part in times for time in part] == sorted(ends)


def test_the_written_split_is_in_order_of_time_whatever_the_order_in_the_file(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(3)
    rows = [
        f"u{user},{item},{START + user * 3600 + 60 * place}"
        for user in range(40)
        for place, item in enumerate(rng.integers(30, size=4))
    ]
    rng.shuffle(rows)
    source = write_lines(tmp_path / "log.csv", ["user_id,item_id,timestamp", *rows])
    ingest(source, tmp_path / "data", IngestOptions(valid_share=0.2, test_share=0.2))
    data = open_dataset(tmp_path / "data")
    times = [
        [session.timestamp or 0.0 for session in part]
        for part in (data.train_sessions, data.valid, data.test)
    ]
    assert max(times[0]) < min(times[1])
    assert max(times[1]) < min(times[2])
    assert data.meta.split == "by end of the session, oldest first, 60/20/20 train/valid/test"


@given(data=st.data())
def test_candidates_are_different_hold_the_target_and_nothing_of_the_session(
    data: st.DataObject,
) -> None:
    items = data.draw(st.integers(1, 80))
    negatives = data.draw(st.integers(1, 60))
    seed = data.draw(st.integers(0, 5))
    position = st.integers(0, items - 1)
    rows = data.draw(
        st.lists(st.tuples(st.lists(position, max_size=8), position), min_size=1, max_size=4)
    )
    frame = pl.DataFrame(
        {
            "items": [walk for walk, _ in rows],
            "target": [target for _, target in rows],
            "candidates": [None] * len(rows),
        },
        schema={
            "items": pl.List(pl.UInt32),
            "target": pl.UInt32,
            "candidates": pl.List(pl.UInt32),
        },
    )

    def draw() -> list[list[int]]:
        rng = np.random.default_rng(seed)
        made = add_candidates(frame, items=items, negatives=negatives, rng=rng)
        lists: list[list[int]] = made["candidates"].to_list()
        return lists

    drawn = draw()
    assert drawn == draw()
    for (walk, target), candidates in zip(rows, drawn, strict=True):
        assert len(set(candidates)) == len(candidates)
        assert candidates.count(target) == 1
        assert not set(candidates) & (set(walk) - {target})
        free = items - len({target, *walk})
        assert len(candidates) == 1 + min(negatives, free)
        assert all(0 <= candidate < items for candidate in candidates)


def test_the_place_of_the_target_and_the_choice_are_even(tmp_path: Path) -> None:
    count, items = 4000, 40
    frame = pl.DataFrame(
        {"items": [[0]] * count, "target": [1] * count, "candidates": [None] * count},
        schema={
            "items": pl.List(pl.UInt32),
            "target": pl.UInt32,
            "candidates": pl.List(pl.UInt32),
        },
    )
    made = add_candidates(frame, items=items, negatives=4, rng=np.random.default_rng(0))
    lists = np.array(made["candidates"].to_list())
    places = np.bincount(np.argmax(lists == 1, axis=1), minlength=5)
    assert abs(places - count / 5).max() < 5 * (count / 5) ** 0.5
    chosen = np.bincount(lists[lists > 1], minlength=items)[2:]
    expected = 4 * count / (items - 2)
    assert abs(chosen - expected).max() < 5 * expected**0.5


def test_the_seed_decides_and_published_lists_give_the_length(tmp_path: Path) -> None:
    source = csv(tmp_path / "source")
    lists = []
    for seed in (1, 1, 2):
        ingest(source, tmp_path / "data", IngestOptions(seed=seed, negatives=3))
        lists.append([session.candidates for session in open_dataset(tmp_path / "data").valid])
        lists[-1] += [s.candidates for s in open_dataset(tmp_path / "data").train_sessions]
    assert lists[0] == lists[1] != lists[2]
    assert {len(candidates or ()) for candidates in lists[0]} == {4}

    other = jsonl(tmp_path / "other")
    (other / "sessions.jsonl").rename(other / "train.jsonl")
    for name in ("valid", "test"):
        session = {"items": ["1"], "target": "2", "candidates": ["3", "2", "5"]}
        write_json(other / f"{name}.jsonl", [session])
    ingest(other, tmp_path / "data", IngestOptions())
    data = open_dataset(tmp_path / "data")
    assert {len(session.candidates or ()) for session in data.train_sessions} == {3}
    assert data.meta.candidates.endswith("the target and 2 items drawn at random, seed 0")


def test_published_sessions_are_cut_as_well(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "source")
    with (source / "sessions.jsonl").open("a") as file:
        ids = ", ".join(f'"{n}"' for n in range(10_000))
        file.write(f'{{"items": [{ids}], "target": "1", "timestamp": {START}}}\n')
    report = ingest(source, tmp_path / "data", IngestOptions(max_length=4))
    data = open_dataset(tmp_path / "data")
    longest = max((*data.train_sessions, *data.valid, *data.test), key=lambda s: len(s.items))
    assert longest.items == ("9997", "9998", "9999")
    assert report.counts["sessions cut to their latest items"] == 1


@pytest.mark.parametrize("count", [3, 4, 5, 10])
def test_every_split_has_a_session(count: int) -> None:
    splits, _ = split_sessions(
        pl.DataFrame({"timestamp": [float(n) for n in range(count)]}), IngestOptions()
    )
    assert [len(splits[name]) > 0 for name in ("train", "valid", "test")] == [True] * 3
