"""Real exploration and real reflection, killed at a random moment, lose nothing."""

from pathlib import Path

import pytest

from re2llm.evals.crash_learning import Work, kill_rounds
from re2llm.evals.crash_work import exploring, reflecting


@pytest.mark.parametrize("work", [exploring, reflecting])
def test_killed_learning_loses_nothing_acknowledged(shop: Path, work: Work) -> None:
    found = kill_rounds(work, shop, 1, seed=2)
    assert found.acknowledged > 0
    assert (found.lost, found.half, found.apart, found.stuck) == (0, 0, 0, 0)
    if work is reflecting:
        found = kill_rounds(work, shop, 1, seed=3)
        assert (found.lost, found.half, found.apart, found.stuck) == (0, 0, 0, 0)
