"""Candidates by protocol: whose, how many, and what several seeds do to an interval."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eval_helpers import FACTS, ITEMS, PlantedRunner, sessions

from re2llm.catalog.items import Catalog, Item
from re2llm.errors import UserError
from re2llm.evals import arms
from re2llm.evals.bootstrap import mean_by_group, resampled_both, resampled_means
from re2llm.evals.compare import compare
from re2llm.evals.cross_check import cross_check
from re2llm.evals.evaluate import evaluate
from re2llm.evals.protocols import apply
from re2llm.evals.saved import load_comparison, save_comparison
from re2llm.evals.table import make_table

CATALOG = Catalog(Item(item_id=f"i{n}", title=f"Thing {n}") for n in range(60))


def write(path: Path, shift: int, leave_out: int = 0) -> str:
    rows = [
        {"session_id": one.session_id, "candidates": [*ITEMS[shift:], *ITEMS[:shift]]}
        for one in sessions(8)[leave_out:]
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return str(path)


def test_published_and_full_catalogue() -> None:
    asked = sessions(8)
    assert apply(asked, [], CATALOG).sessions == tuple(asked)
    full = apply(asked, ["full"], CATALOG)
    assert {one.candidates for one in full.sessions} == {None}
    assert "retrieved" in full.words


def test_drawn_lists_hold_the_target_once_and_nothing_of_the_session() -> None:
    drawn = apply(sessions(8), ["20"], CATALOG, seeds=3)
    assert len(drawn.sessions) == 24
    assert set(drawn.seeds) == {"seed 0", "seed 1", "seed 2"}
    for one in drawn.sessions:
        assert one.candidates is not None
        assert len(set(one.candidates)) == len(one.candidates) == 20
        assert one.target in one.candidates
        assert set(one.candidates).isdisjoint({*one.items} - {one.target})
    places = [one.candidates.index(str(one.target)) for one in drawn.sessions if one.candidates]
    assert len(set(places)) > 5
    assert apply(sessions(8), ["20"], CATALOG, seeds=3) == drawn
    (alone,) = {one.session_id for one in apply(sessions(1), ["20"], CATALOG).sessions}
    assert alone == "s0"


def test_files_are_seeds(tmp_path: Path) -> None:
    files = [write(tmp_path / f"seed_{n}.jsonl", n) for n in (0, 5)]
    judged = apply(sessions(8), files, CATALOG)
    assert len({one.session_id for one in judged.sessions}) == 16
    assert judged.groups == tuple(f"s{n}" for n in range(8)) * 2
    assert judged.seeds == ("seed_0",) * 8 + ("seed_5",) * 8


@pytest.mark.parametrize(
    ("protocol", "says"),
    [
        (["nowhere.jsonl"], "no candidate file 'nowhere.jsonl'"),
        (["1"], "give from 2 to 60"),
        (["published", "full"], "no candidate file 'published'"),
    ],
)
def test_what_is_no_protocol_is_named(protocol: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        apply(sessions(3), protocol, CATALOG)


def test_seeds_are_for_what_is_drawn() -> None:
    for protocol in ([], ["published"], ["full"], ["a.jsonl", "b.jsonl"]):
        with pytest.raises(UserError, match="3 seeds, but nothing is drawn"):
            apply(sessions(4), protocol, CATALOG, seeds=3)


def test_a_file_must_know_every_session_and_its_target(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no candidates for session 's0'"):
        apply(sessions(8), [write(tmp_path / "a.jsonl", 0, leave_out=1)], CATALOG)
    lost = [replace(one, target="i59") for one in sessions(8)]
    with pytest.raises(UserError, match="lacks the target 'i59'"):
        apply(lost, [write(tmp_path / "b.jsonl", 0)], CATALOG)
    (tmp_path / "c.jsonl").write_text("{", "utf-8")
    with pytest.raises(UserError, match="no file of JSON lines"):
        apply(sessions(8), [str(tmp_path / "c.jsonl")], CATALOG)


def test_rows_of_one_session_are_drawn_together() -> None:
    """Repeating every session under more seeds makes no interval narrower by itself."""
    own = np.random.default_rng(0).normal(size=(60, 1))
    groups = [f"s{n}" for n in range(60)] * 5
    seeds = [f"seed {n // 60}" for n in range(300)]
    both = resampled_both(np.tile(own, (5, 1)), groups, seeds)
    alone = resampled_means(own)
    assert both.std() == pytest.approx(alone.std(), rel=0.05)
    assert resampled_means(np.tile(own, (5, 1))).std() < 0.6 * both.std()


def test_what_seeds_differ_in_widens_the_interval() -> None:
    shift = np.repeat([-1.0, 0.0, 1.0], 50)[:, None]
    groups = [f"s{n}" for n in range(50)] * 3
    seeds = [f"{n // 50}" for n in range(150)]
    both = resampled_both(shift, groups, seeds)
    assert both.std() == pytest.approx(np.std([-1, 0, 1]) / np.sqrt(3), rel=0.05)
    with pytest.raises(ValueError, match="every session needs every seed"):
        resampled_both(shift[1:], groups[1:], seeds[1:])


async def test_a_table_over_seeds(tmp_path: Path) -> None:
    files = [write(tmp_path / f"seed_{n}.jsonl", n) for n in (0, 5)]
    judged = apply(sessions(8), files, CATALOG)
    renamed = [replace(one, session_id=f"s{n}") for n, one in enumerate(judged.sessions)]
    plans = [arms.no_hint(), arms.policy()]
    made = await evaluate(PlantedRunner(), renamed, plans, facts=FACTS)
    crossed = replace(made, groups=judged.groups, seeds=judged.seeds)
    row = make_table(crossed, resamples=500).row("policy")
    assert row is not None
    assert row.cells["HR@1"].value.mean == 1
    save_comparison(crossed, tmp_path / "comparison.json")
    read = load_comparison(tmp_path)
    assert (read.groups, read.seeds) == (crossed.groups, crossed.seeds)
    verdict = compare(crossed, crossed)
    assert verdict.sessions == 8
    assert mean_by_group(np.ones((16, 1)), judged.groups)[1].shape == (8, 1)
    assert "finds the same means over 16 sessions" in cross_check(crossed)
