"""What the best policy of the class would be worth: learnt from every hint's effect, judged apart.

The best hint in hindsight is no fair aim: it knows the targets, and the best of many shuffles looks
like a gain. Here the policy class itself is taught the whole table of rewards on some of the
sessions and chooses on the others, in turn, so that no session's own reward chooses its hint. What
is missing to it is what a better learner, or more rewards, could still bring.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from re2llm.evals.metrics import HEADLINE
from re2llm.evals.results import ORACLE, Arm
from re2llm.evals.worlds import TableRewards
from re2llm.kb_store.store import Eligible
from re2llm.policy.features import FEATURE_GROUPS
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson
from re2llm.policy.training import Problem

FOLDS = 5
_LEAST = 10
"""Fewer sessions teach nothing; then there is no oracle."""


async def policy_class(
    states: NDArray[np.float32], eligible: Eligible, arms: Sequence[Arm], *, seed: int = 0
) -> Arm | None:
    """Choose every session's hint by a policy that was taught all rewards of other sessions.

    Args:
        states: (sessions, features) float32.
        eligible: the hints.
        arms: no hint first, then one per hint, named by its id; over the same sessions.
        seed: of folds and learning.

    Returns:
        The row; None where there are too few sessions.
    """
    plain, hinted = arms[0], arms[1:]
    if len(states) < _LEAST:
        return None
    base = HEADLINE.values(plain.ranks["slate"])
    gains = np.stack([HEADLINE.values(arm.ranks["slate"]) - base for arm in hinted], axis=1)
    picks = await taught_apart(states, eligible, gains, seed=seed)
    return picked(ORACLE, arms, 1 + picks)


async def taught_apart(
    states: NDArray[np.float32],
    eligible: Eligible,
    gains: NDArray[np.float64],
    *,
    seed: int = 0,
) -> NDArray[np.intp]:
    """Choose for every session by a policy that was taught all gains of other sessions.

    Args:
        states: (sessions, features) float32.
        eligible: the hints.
        gains: (sessions, hints) with the hint minus without.
        seed: of folds and learning.

    Returns:
        (sessions,) the hint's column, -1 for none.
    """
    fold = np.random.default_rng(seed).permutation(len(states)) % FOLDS
    picks = np.full(len(states), -1, dtype=np.intp)
    for number in range(FOLDS):
        apart, own = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        problem = Problem.over(states[apart], eligible, known=gains[apart], groups=FEATURE_GROUPS)
        source = TableRewards(problem.hints.ids, gains[apart])
        trained = await Thompson().train(problem, source, calls=1, seed=seed)
        policy = ScoringPolicy(scorer=trained.scorer, name=ORACLE)
        for row, pick in zip(own, policy.best(states[own], problem.hints), strict=True):
            picks[row] = -1 if pick.column is None else pick.column
    return picks


def picked(name: str, arms: Sequence[Arm], picks: NDArray[np.intp]) -> Arm:
    """Join arms over the same sessions into the one that takes, per session, the arm picked."""
    chosen = [arms[place] for place in picks]
    return Arm(
        name=name,
        asks=True,
        ranks={
            judged: np.array([arm.ranks[judged][row] for row, arm in enumerate(chosen)])
            for judged in arms[0].ranks
        },
        shown=tuple(arm.shown[row] for row, arm in enumerate(chosen)),
        hint_ids=tuple(arm.hint_ids[row] for row, arm in enumerate(chosen)),
        degraded=tuple(arm.degraded[row] for row, arm in enumerate(chosen)),
        seconds=tuple(arm.seconds[row] for row, arm in enumerate(chosen)),
    )


def luck(candidates: Sequence[int], rankers: int) -> float:
    """Return what the best of so many random orders per session reaches in hindsight, on average.

    Args:
        candidates: how many each session has, its target among them.
        rankers: how many orders; the best place of the target counts.
    """
    totals = []
    for n in candidates:
        places = np.arange(1.0, n + 1)
        beyond = ((n - np.arange(n + 1)) / n) ** rankers
        totals.append(float((HEADLINE.values(places) * (beyond[:-1] - beyond[1:])).sum()))
    return float(np.mean(totals))
