"""Whether a newly trained policy may serve: only if held-out sessions do not speak against it."""

import math
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
class GateRules:
    """How much must be measured before a policy may serve, and how sure its use must be.

    An interval of one session has no width, and one of a few is too narrow: what is not measured
    speaks for nobody.
    """

    sessions: int = 30
    """Held-out sessions at least on which the policy and its rivals were measured."""
    hinted: int = 10
    """The same, of those that the policy gives a hint."""
    share: float = 0.8
    """Of the held-out sessions, and of those with a hint, that must be measured: where the model
    failed on many, or the budget ran out half-way, the rest may be another kind of session."""
    slack: float = 0.0
    """How far below 0 a lower bound may lie, in the reward's units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the gate found.

    Attributes:
        serves: whether the new policy may serve.
        words: why, for people.
        over_none: held-out gain over no hint; not finite where nothing was measured.
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
    rules: GateRules | None = None,
    seed: int = 0,
) -> Decision:
    """Compare a policy with no hint and with the best static hint, session by session.

    Args:
        policy: the new one; its exploration is left out of the comparison.
        states: (sessions, features) that nothing was fitted on.
        hints: the hints that it would choose from if it served.
        rewards: (sessions, hints) metric with the hint minus without; NaN where it was not
            measured. Only the pairs that the policy chooses are needed.
        rival: the best static hint, or None where no hint at all was best.
        rules: what must be measured; `GateRules()` without a word.
        seed: of the bootstrap.
    """
    rules = rules or GateRules()
    picks = policy.best(states, hints)
    columns = np.array([-1 if pick.column is None else pick.column for pick in picks])
    padded = np.concatenate([rewards, np.zeros((len(rewards), 1))], axis=1)
    own = padded[np.arange(len(padded)), columns]
    other = np.zeros(len(padded)) if rival is None else rival.gains
    both = np.isfinite(own) & np.isfinite(other)
    over_none = _interval(own[both], seed)
    over_static = _interval(own[both] - other[both], seed)
    gives = columns >= 0
    fault = _too_little(both, gives, rules)
    serves, words = (False, fault) if fault else _words(over_none, over_static, rules.slack)
    instead = "" if serves or rival is None else _instead(other, rules, seed)
    return Decision(
        serves=serves,
        words=f"{words} ({int(both.sum())} held-out sessions){instead}",
        over_none=over_none,
        over_static=over_static,
        static_hint=None if rival is None else rival.hint_id,
        hinted=float(gives.mean()) if len(gives) else 0.0,
    )


def _instead(gains: NDArray[np.float64], rules: GateRules, seed: int) -> str:
    """Name what could serve in its place: one hint for all that surely gains."""
    known = gains[np.isfinite(gains)]
    static = _interval(known, seed)
    if len(known) < max(rules.sessions, rules.share * len(gains)) or not static.low > 0:
        return ""
    return f"; the best hint for all sessions gains {static}: train by the method 'static'"


def _interval(values: NDArray[np.float64], seed: int) -> Interval:
    if len(values):
        return mean_interval(values, seed=seed)
    return Interval(mean=math.nan, low=math.nan, high=math.nan)


def _too_little(
    measured: NDArray[np.bool_], gives: NDArray[np.bool_], rules: GateRules
) -> str | None:
    """Say why this is too little to judge by; None where it is enough."""
    if not gives.any():
        return "stays out: it gives no session a hint, so it changes nothing"
    if len(measured) < rules.sessions:
        return (
            f"stays out: there are only {len(measured)} held-out sessions, at least "
            f"{rules.sessions} are needed to judge it by"
        )
    known, with_hint = int(measured.sum()), int((measured & gives).sum())
    wanted = max(rules.sessions, math.ceil(rules.share * len(measured)))
    if known < wanted or with_hint < rules.share * int(gives.sum()):
        return (
            f"stays out: only {known} of {len(measured)} held-out sessions could be measured "
            f"({with_hint} of the {int(gives.sum())} with a hint), too few to judge it by; train "
            "again when the model answers and the budget reaches, what was paid for is kept"
        )
    if with_hint < rules.hinted:
        return (
            f"stays out: it gives only {with_hint} held-out sessions a hint, at least "
            f"{rules.hinted} are needed to judge it by"
        )
    return None


def _words(none: Interval, static: Interval, slack: float) -> tuple[bool, str]:
    if none.mean <= 0:
        return False, f"stays out: its gain over no hint is {none}, so it is of no use"
    if none.low < -slack:
        return False, f"stays out: its gain over no hint is {none}, which may be a loss"
    if static.low < -slack:
        return False, f"stays out: its gain over the best static hint is {static}, maybe a loss"
    return True, f"serves: gain over no hint {none}, over the best static hint {static}"
