"""Gains out of served slates: what shoppers took, as far as lot decided what they were shown.

A served slate tells the value under one action alone, so its gain needs a guess of what no hint
would have brought there. That guess is fitted on served slates without a hint, not on paid ones:
shoppers take more readily what stands high, whichever order put it there, and only slates that were
all shown share that. Slates that were chosen for sure tell nothing of other choices and are left
out; where there was exploration, propensities weigh the sessions so that those without a hint stand
for all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.policy.hint_side import HintSide

LEAST_PLAIN = 50
"""Slates without a hint, at least, that the guess is fitted on."""
_LARGEST_WEIGHT = 20.0
_RIDGE = 1.0
_LEAST_NOISE = 1e-4

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Served slates with feedback.

    Attributes:
        states: (n, features) float32.
        hint_ids: (n,) what was chosen; None is no hint.
        propensities: (n,) how likely that was, in (0, 1].
        values: (n,) metric of the slate.
    """

    states: NDArray[np.float32]
    hint_ids: tuple[str | None, ...]
    propensities: Array
    values: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedGains:
    """Gains that shoppers' choices tell of, each of another session.

    Attributes:
        states: (n, features) float32.
        columns: (n,) of the hints.
        gains: (n,) value minus what no hint is guessed to bring.
        noise: variance of one gain around its expectation; far above that of a paid one.
        plain: how many slates without a hint the guess was fitted on.
    """

    states: NDArray[np.float32]
    columns: NDArray[np.intp]
    gains: Array
    noise: float
    plain: int

    def __len__(self) -> int:
        """Count the gains."""
        return len(self.gains)


def logged_gains(outcomes: Outcomes, hints: HintSide) -> LoggedGains | None:
    """Return the gains of hints that are still there; None where too little was left to lot."""
    places = {hint_id: column for column, hint_id in enumerate(hints.ids)}
    by_lot = outcomes.propensities < 1
    plain = by_lot & np.array([hint_id is None for hint_id in outcomes.hint_ids], dtype=np.bool_)
    given = by_lot & np.array([hint_id in places for hint_id in outcomes.hint_ids], dtype=np.bool_)
    if plain.sum() < LEAST_PLAIN or not given.any():
        return None
    weights = np.minimum(1 / outcomes.propensities[plain], _LARGEST_WEIGHT)
    states = outcomes.states.astype(np.float64)
    guess, noise = _fit(states[plain], outcomes.values[plain], weights)
    rows = np.flatnonzero(given)
    return LoggedGains(
        states=outcomes.states[rows],
        columns=np.array([places[outcomes.hint_ids[row] or ""] for row in rows], dtype=np.intp),
        gains=outcomes.values[rows] - guess(states[rows]),
        noise=noise,
        plain=int(plain.sum()),
    )


def _fit(states: Array, values: Array, weights: Array) -> "tuple[_Guess, float]":
    """Fit a ridge regression; returns it, and the mean square of its left-out errors."""
    mean, scale = states.mean(axis=0), states.std(axis=0)
    numbers = _numbers(states, mean, scale)
    shrink = _RIDGE * np.sqrt(len(values)) * np.eye(numbers.shape[1])
    shrink[0, 0] = 1e-9
    weighed = numbers * weights[:, None]
    inverse = np.linalg.inv(numbers.T @ weighed + shrink)
    slopes = inverse @ (weighed.T @ values)
    leverage = np.einsum("ni,ij,nj->n", numbers, inverse, weighed)
    errors = (values - numbers @ slopes) / np.maximum(1 - leverage, 0.05)
    noise = float((weights * errors**2).sum() / weights.sum())
    return _Guess(mean, scale, slopes), max(noise, _LEAST_NOISE)


@dataclass(frozen=True, slots=True)
class _Guess:
    mean: Array
    scale: Array
    slopes: Array

    def __call__(self, states: Array) -> Array:
        return np.asarray(_numbers(states, self.mean, self.scale) @ self.slopes)


def _numbers(states: Array, mean: Array, scale: Array) -> Array:
    standard = np.where(scale > 1e-6, (states - mean) / np.maximum(scale, 1e-6), 0.0)
    return np.concatenate([np.ones((len(states), 1)), np.clip(standard, -5, 5)], axis=1)
