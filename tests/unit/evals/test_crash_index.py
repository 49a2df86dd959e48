"""A few kills: the full fifty are `python -m re2llm.evals.crash_index`."""

from pathlib import Path

from re2llm.evals.crash_index import crash


def test_no_kill_leaves_a_wrong_index_or_loses_a_change(tmp_path: Path) -> None:
    seen = crash(tmp_path, rounds=2, seed=1)
    assert (seen.wrong, seen.lost) == (0, 0)
    assert seen.acknowledged >= 2
