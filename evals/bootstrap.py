"""How sure a mean or a difference is: paired bootstrap over sessions, corrected for many looks.

All columns (arms, metrics) share the same resampled sessions, so a difference of two columns of
draws is a draw of the paired difference (Efron and Tibshirani, 1993, chapter 13: percentile
intervals).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 5000
_CELLS = 4_000_000
"""Sessions times resamples that are counted at a time; bounds the memory to about 100 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over sessions with its percentile interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A paired mean difference with its percentile interval.

    Attributes:
        p: two-sided bootstrap p-value of "no difference"; never 0, at least 1 / (resamples + 1).
        p_holm: the same after Holm's correction over the family that it was tested in; `p` itself
            where it was tested alone.
    """

    mean: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def sure(self) -> bool:
        """Say whether the corrected p-value is below 1 - the usual level."""
        return self.p_holm < 1 - LEVEL


def joined(found: Sequence[Values], *, same: bool) -> Values:
    """Join (sessions,) values of several runs; where all are of the same sessions, their means."""
    return np.stack(found).mean(axis=0) if same else np.concatenate(found)


def resampled_means(values: Values, *, resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """Return (resamples, columns) means over sessions drawn with replacement.

    Args:
        values: (sessions, columns).
        resamples: how many times the sessions are drawn.
        seed: the same seed draws the same sessions, whatever the columns.

    Raises:
        ValueError: there are no sessions, or a value is not finite.
    """
    if values.ndim != 2 or len(values) == 0:
        raise ValueError(f"values have shape {values.shape}; wanted (sessions, columns), not empty")
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite; leave out sessions that were not measured")
    sessions = len(values)
    draws = np.random.default_rng(seed)
    at_once = max(1, _CELLS // sessions)
    means = np.empty((resamples, values.shape[1]))
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = draws.integers(sessions, size=(rows, sessions))
        drawn += np.arange(rows)[:, None] * sessions
        counts = np.bincount(drawn.ravel(), minlength=rows * sessions).reshape(rows, sessions)
        means[start : start + rows] = counts @ values / sessions
    return means


def resampled_both(
    values: Values,
    groups: Sequence[Hashable],
    seeds: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Values:
    """Return (resamples, columns) means over sessions and seeds, both drawn with replacement.

    Rows of one session, or of one seed, are not independent: drawing whole sessions and whole seeds
    keeps them together (the pigeonhole bootstrap; Owen, 2007).

    Args:
        values: (rows, columns), a row per session and seed.
        groups: (rows,) which session.
        seeds: (rows,) which seed; every session has all of them, once.
        resamples: how many times both are drawn.
        seed: as for `resampled_means`.

    Raises:
        ValueError: a session lacks a seed or has it twice.
    """
    sessions = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    names = {name: place for place, name in enumerate(dict.fromkeys(seeds))}
    cube = np.full((len(sessions), len(names), values.shape[1]), np.nan)
    for row, group, name in zip(values, groups, seeds, strict=True):
        cube[sessions[group], names[name]] = row
    if len(values) != len(sessions) * len(names) or not np.isfinite(cube).all():
        raise ValueError("every session needs every seed, once")
    draws = np.random.default_rng((seed, len(names)))
    counts = draws.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    flat = resampled_means(cube.reshape(len(sessions), -1), resamples=resamples, seed=seed)
    by_seed = flat.reshape(resamples, len(names), -1)
    return np.asarray(np.einsum("rk,rkc->rc", counts / len(names), by_seed))


def estimate(mean: float, draws: Values, *, level: float = LEVEL) -> Estimate:
    """Sum up draws (resamples,) of a mean."""
    low, high = _ends(draws, level)
    return Estimate(mean=mean, low=low, high=high)


def differences(
    means: Sequence[float], draws: Sequence[Values], *, level: float = LEVEL
) -> list[Difference]:
    """Sum up draws of one family of differences; Holm's correction runs over all of them."""
    p_values = [_two_sided(column) for column in draws]
    made = []
    for mean, column, p, p_holm in zip(means, draws, p_values, holm(p_values), strict=True):
        low, high = _ends(column, level)
        made.append(Difference(mean=mean, low=low, high=high, p=p, p_holm=p_holm))
    return made


def paired_difference(
    first: Values, second: Values, *, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Compare two vectors (sessions,) over the same sessions: first minus second.

    Raises:
        ValueError: the vectors differ in length, are empty, or hold a value that is not finite.
    """
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} values against {second.shape}; a pair needs both")
    delta = first - second
    draws = resampled_means(delta[:, None], resamples=resamples, seed=seed)
    return differences([float(delta.mean())], [draws[:, 0]])[0]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for being looked at together (Holm, 1979); keeps their order."""
    adjusted = [1.0] * len(p_values)
    worst = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def mean_by_group(values: Values, groups: Sequence[Hashable]) -> tuple[list[Hashable], Values]:
    """Average rows (rows, columns) of the same group, such as one session under several seeds.

    Returns:
        The groups in order of first appearance and their means, (groups, columns): what the
        bootstrap then draws, since rows of one group are not independent.
    """
    names = list(dict.fromkeys(groups))
    places = {name: place for place, name in enumerate(names)}
    index = np.array([places[group] for group in groups])
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, index, values)
    return names, sums / np.bincount(index, minlength=len(names))[:, None]


def _ends(draws: Values, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _two_sided(draws: Values) -> float:
    tail = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (len(draws) + 1))
