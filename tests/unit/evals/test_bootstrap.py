"""Intervals that cover what they promise, and corrections that correct."""

import math

import numpy as np
import pytest

from re2llm.evals.bootstrap import (
    differences,
    estimate,
    holm,
    mean_by_group,
    paired_difference,
    resampled_means,
)


def test_draws_centre_on_the_mean_with_the_standard_error() -> None:
    values = np.random.default_rng(3).normal(2.0, 1.0, size=(400, 1))
    draws = resampled_means(values, resamples=4000)
    assert draws.mean() == pytest.approx(values.mean(), abs=0.01)
    assert draws.std() == pytest.approx(values.std() / math.sqrt(400), rel=0.05)


def test_the_same_seed_draws_the_same_sessions_for_every_column() -> None:
    values = np.random.default_rng(1).normal(size=(50, 1))
    both = resampled_means(np.hstack([values, values + 1]), resamples=200, seed=7)
    assert both[:, 1] - both[:, 0] == pytest.approx(np.ones(200))
    alone = resampled_means(values, resamples=200, seed=7)
    assert alone[:, 0] == pytest.approx(both[:, 0])
    assert not np.allclose(resampled_means(values, resamples=200, seed=8), alone)


def test_blocks_do_not_show() -> None:
    """More sessions than fit one block at a time give draws of the same spread."""
    values = np.random.default_rng(2).normal(size=(3000, 1))
    draws = resampled_means(values, resamples=3000)
    assert draws.std() == pytest.approx(values.std() / math.sqrt(3000), rel=0.06)
    assert len(np.unique(draws)) == 3000


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    world = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        values = world.normal(0.3, 1.0, size=(80, 1))
        found = estimate(
            float(values.mean()), resampled_means(values, resamples=500, seed=trial)[:, 0]
        )
        covered += found.low <= 0.3 <= found.high
    assert 0.89 <= covered / 200 <= 0.99


def test_pairing_sees_what_separate_intervals_cannot() -> None:
    world = np.random.default_rng(6)
    hard = world.normal(0, 10, size=200)
    found = paired_difference(hard + 0.2 + world.normal(0, 0.5, size=200), hard)
    assert found.low > 0
    assert found.sure


def test_no_difference_is_not_called_sure() -> None:
    values = np.random.default_rng(6).normal(size=100)
    same = paired_difference(values, values.copy())
    assert (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)
    assert not same.sure


def test_under_the_null_few_are_called_sure() -> None:
    world = np.random.default_rng(8)
    sure = sum(
        paired_difference(world.normal(size=60), world.normal(size=60), resamples=400).sure
        for _ in range(200)
    )
    assert sure / 200 < 0.11


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_family_is_corrected_together() -> None:
    world = np.random.default_rng(9)
    draws = [world.normal(2.2, 1.0, size=4000) for _ in range(10)]
    alone = differences([2.2], draws[:1])[0]
    together = differences([2.2] * 10, draws)[0]
    assert alone.sure
    assert not together.sure
    assert together.p == alone.p


def test_groups_are_averaged_first() -> None:
    names, means = mean_by_group(np.array([[1.0], [3.0], [10.0]]), ["a", "a", "b"])
    assert names == ["a", "b"]
    assert means.tolist() == [[2.0], [10.0]]


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="not empty"):
        resampled_means(np.zeros((0, 1)))
    with pytest.raises(ValueError, match="not finite"):
        resampled_means(np.array([[math.nan]]))
    with pytest.raises(ValueError, match="a pair needs both"):
        paired_difference(np.zeros(3), np.zeros(4))
