"""What a policy would have earned, from what another one logged: no model call is made.

The table of all rewards gives the exact answer. Where it is not complete: inverse propensity
scoring, its self-normalised form, the direct method, and doubly robust (Dudík et al. 2011), each as
per-session terms whose mean is the estimate, so that sessions can be resampled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.policy.bootstrap import Interval, mean_interval

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Decisions that were made, with what they earned.

    Attributes:
        actions: (n,) 0 is no hint, 1 + h is hint h.
        propensities: (n,) probability of the action taken, under the policy that acted; above 0.
        rewards: (n,) metric with the action minus without a hint.
    """

    actions: NDArray[np.intp]
    propensities: Array
    rewards: Array

    def __post_init__(self) -> None:
        """Check the propensities.

        Raises:
            ValueError: one is not in (0, 1].
        """
        if not ((self.propensities > 0) & (self.propensities <= 1)).all():
            raise ValueError("propensities must be above 0 and at most 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One estimator's answer.

    Attributes:
        method: its name.
        value: expected reward per session, with bounds.
        effective: sessions' worth of information: (sum w)^2 / sum w^2; all of them where no
            weights are used.
    """

    method: str
    value: Interval
    effective: float


def exact(probabilities: Array, table: Array, *, seed: int = 0) -> Estimate:
    """Return what the policy earns by a complete table.

    Args:
        probabilities: (n, 1 + hints) of the policy.
        table: (n, hints) rewards, all known where the policy puts any weight.
        seed: of the bootstrap.

    Raises:
        ValueError: a reward is missing where the policy would act.
    """
    hints = probabilities[:, 1:]
    if (np.isnan(table) & (hints > 0)).any():
        raise ValueError("the table lacks rewards of actions that the policy takes")
    values = (hints * np.where(hints > 0, table, 0.0)).sum(axis=1)
    return Estimate(
        method="exact", value=mean_interval(values, seed=seed), effective=float(len(values))
    )


def inverse_propensity(log: Log, probabilities: Array, *, seed: int = 0) -> Estimate:
    """Weight logged rewards by how much likelier the policy takes the logged action."""
    weights = _weights(log, probabilities)
    return Estimate(
        method="ips",
        value=mean_interval(weights * log.rewards, seed=seed),
        effective=_effective(weights),
    )


def self_normalised(log: Log, probabilities: Array, *, seed: int = 0) -> Estimate:
    """Do the same with weights that sum to n: a little bias for much less variance.

    The interval is that of the linearised ratio: the value plus the mean of w (r - value) / mean w.
    """
    weights = _weights(log, probabilities)
    total = weights.sum()
    if total == 0:
        raise ValueError("the log holds no action that the policy would take")
    value = float(weights @ log.rewards / total)
    terms = value + weights * (log.rewards - value) / weights.mean()
    return Estimate(
        method="snips", value=mean_interval(terms, seed=seed), effective=_effective(weights)
    )


def direct(probabilities: Array, predicted: Array, *, seed: int = 0) -> Estimate:
    """Believe a model of the rewards.

    Args:
        probabilities: (n, 1 + hints) of the policy.
        predicted: (n, hints) gains, best from a model that did not see these sessions.
        seed: of the bootstrap.
    """
    values = (probabilities[:, 1:] * predicted).sum(axis=1)
    return Estimate(
        method="direct", value=mean_interval(values, seed=seed), effective=float(len(values))
    )


def doubly_robust(log: Log, probabilities: Array, predicted: Array, *, seed: int = 0) -> Estimate:
    """Correct the direct method by the weighted errors of its model on what was logged.

    Without bias where either the propensities or the model are right.
    """
    weights = _weights(log, probabilities)
    padded = np.concatenate([np.zeros((len(predicted), 1)), predicted], axis=1)
    expected = (probabilities * padded).sum(axis=1)
    errors = log.rewards - padded[np.arange(len(padded)), log.actions]
    return Estimate(
        method="doubly robust",
        value=mean_interval(expected + weights * errors, seed=seed),
        effective=_effective(weights),
    )


def _weights(log: Log, probabilities: Array) -> Array:
    taken = probabilities[np.arange(len(log.actions)), log.actions]
    return np.asarray(taken / log.propensities, dtype=np.float64)


def _effective(weights: Array) -> float:
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
