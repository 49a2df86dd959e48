"""Intervals of a mean over sessions, by resampling sessions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with its bounds.

    Attributes:
        mean: of the values.
        low: lower bound.
        high: upper bound.
        level: two-sided confidence.
    """

    mean: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        """Write as `+0.012 [-0.003, +0.027]`."""
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


def mean_interval(
    values: NDArray[np.float64], *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Interval:
    """Return the mean of per-session values with a percentile bootstrap interval.

    Args:
        values: (sessions,) finite; for a paired comparison, the differences.
        level: two-sided confidence.
        draws: resamples.
        seed: of the resampling.

    Raises:
        ValueError: there are no values.
    """
    if not len(values):
        raise ValueError("an interval needs at least one value")
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    for start in range(0, draws, 100):
        stop = min(start + 100, draws)
        rows = generator.integers(len(values), size=(stop - start, len(values)))
        means[start:stop] = values[rows].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high), level=level)
