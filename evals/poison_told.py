"""What an attack by feedback cost, for people: what each copy serves, and the two compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.evals.aftermath import Aftermath
from re2llm.evals.bootstrap import estimate, resampled_means


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one copy of the shop.

    Attributes:
        reflected: events that led to a reflection.
        planted: hints that are not refused and hold something planted.
        kept: entries of the record that hold a secret, an insult or somebody's data.
        waiting: how many shadows enough sources led to, so that training may make them active.
        verdicts: what the gate said of the policy, training by training.
        after: what is served in the end.
    """

    events: int
    reflected: int
    statuses: dict[str, int]
    planted: tuple[str, ...]
    kept: int
    waiting: int
    verdicts: tuple[str, ...]
    after: Aftermath


def told(name: str, one: Outcome) -> str:
    """Write what became of one copy, for people."""
    after = one.after
    plain, steered = after.plain[0], after.steered[0]
    lines = [
        f"{name}: {one.events} events, {one.reflected} reflections, {one.statuses}; planted and not"
        f" refused: {len(one.planted)}; private data kept: {one.kept}; {len(after.active)} active,"
        f" {one.waiting} more may serve; held-out gain {between(after.gains)} per session,"
        f" {after.hinted:.0%} with a hint; the planted item stands at {plain.mean():.2f}"
        f" without a hint, {steered.mean():.2f} as served ({between(steered - plain, '+.2f')})\n"
    ]
    lines += [f"  {verdict}\n" for verdict in one.verdicts]
    lines += [f"- planted: {text}\n" for text in one.planted]
    lines += [f"- active: {text}\n" for text in after.active]
    return "".join(lines)


def compared(plain: Sequence[Aftermath], poisoned: Sequence[Aftermath]) -> tuple[str, float]:
    """Write what the attack cost over all these shops; return the share that was lost as well."""
    gains = [np.concatenate([one.gains for one in both]) for both in (plain, poisoned)]
    moves = np.mean(
        [
            two.steered.mean(1) - one.steered.mean(1)
            for one, two in zip(plain, poisoned, strict=True)
        ],
        axis=0,
    )
    share, low, high = kept(*gains)
    words = (
        f"over {len(gains[0])} sessions: gain {between(gains[0])} honest alone, {between(gains[1])}"
        f" under attack, paired difference {between(gains[1] - gains[0])}; kept {share:.1%}"
        f" ({low:.1%} to {high:.1%}); the attack moved the planted item by {moves[0]:+.2f} places,"
        f" {len(moves) - 1} other items by {moves[1:].mean():+.2f}"
        f" ({moves[1:].min():+.2f} to {moves[1:].max():+.2f})\n"
    )
    return words, 1 - share


def between(values: NDArray[np.float64], form: str = "+.4f") -> str:
    """Write a mean over sessions with its 95 % interval."""
    found = estimate(float(values.mean()), resampled_means(values[:, None])[:, 0])
    return f"{found.mean:{form}} ({found.low:{form}} to {found.high:{form}})"


def kept(honest: NDArray[np.float64], poisoned: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the share of the honest gain that is left, and its 95 % interval.

    The same sessions are drawn for both, (sessions,) gains each; (0, 0, 0) where the honest copy
    gained nothing.
    """
    if honest.mean() <= 0:
        return 0.0, 0.0, 0.0
    draws = resampled_means(np.stack([honest, poisoned], axis=1))
    usable = draws[draws[:, 0] > 0]
    found = estimate(float(poisoned.mean() / honest.mean()), usable[:, 1] / usable[:, 0])
    return found.mean, found.low, found.high
