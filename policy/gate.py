"""Whether a newly trained policy may serve: only if held-out sessions do not speak against it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.policy.bootstrap import Interval, mean_interval
from re2llm.policy.hint_side import HintSide
from re2llm.policy.serving import ScoringPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """What a learnt policy must not be worse than, beside no hint: the same hint for all.

    Attributes:
        hint_id: the hint that was best on the *training* sessions.
        gains: (sessions,) metric with it minus without, held out; NaN where it was not measured.
    """

    hint_id: str
    gains: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the gate found.

    Attributes:
        serves: whether the new policy may serve.
        words: why, for people.
        over_none: held-out gain over no hint.
        over_static: held-out gain over the best static hint.
        static_hint: id of that hint, or None where there was none to compare with.
        hinted: share of held-out sessions that the policy gives a hint.
    """

    serves: bool
    words: str
    over_none: Interval
    over_static: Interval
    static_hint: str | None
    hinted: float


def judge(
    policy: ScoringPolicy,
    states: NDArray[np.float32],
    hints: HintSide,
    rewards: NDArray[np.float64],
    rival: Rival | None = None,
    *,
    slack: float = 0.0,
    seed: int = 0,
) -> Decision:
    """Compare a policy with no hint and with the best static hint, session by session.

    Args:
        policy: the new one; its exploration is left out of the comparison.
        states: (sessions, features) held out of training.
        hints: the hints it may choose from.
        rewards: (sessions, hints) metric with the hint minus without; NaN where it was not
            measured. Only the pairs that the policy chooses are needed.
        rival: the best static hint, or None where no hint at all was best.
        slack: how far below 0 a lower bound may lie, in the reward's units.
        seed: of the bootstrap.

    Raises:
        ValueError: no session has the rewards that both need.
    """
    picks = policy.best(states, hints)
    columns = np.array([-1 if pick.column is None else pick.column for pick in picks])
    padded = np.concatenate([rewards, np.zeros((len(rewards), 1))], axis=1)
    own = padded[np.arange(len(padded)), columns]
    other = np.zeros(len(padded)) if rival is None else rival.gains
    both = np.isfinite(own) & np.isfinite(other)
    if not both.any():
        raise ValueError("no held-out session has the rewards that the comparison needs")
    over_none = mean_interval(own[both], seed=seed)
    over_static = mean_interval(own[both] - other[both], seed=seed)
    hinted = float((columns[both] >= 0).mean())
    serves, words = _words(over_none, over_static, hinted, slack)
    return Decision(
        serves=serves,
        words=f"{words} ({int(both.sum())} held-out sessions)",
        over_none=over_none,
        over_static=over_static,
        static_hint=None if rival is None else rival.hint_id,
        hinted=hinted,
    )


def _words(none: Interval, static: Interval, hinted: float, slack: float) -> tuple[bool, str]:
    if hinted == 0:
        return False, "stays out: it gives no session a hint, so it changes nothing"
    if none.mean <= 0:
        return False, f"stays out: its gain over no hint is {none}, so it is of no use"
    if none.low < -slack:
        return False, f"stays out: its gain over no hint is {none}, which may be a loss"
    if static.low < -slack:
        return False, f"stays out: its gain over the best static hint is {static}, maybe a loss"
    return True, f"serves: gain over no hint {none}, over the best static hint {static}"
