"""Whether a newly trained policy may serve: only if held-out sessions do not speak against it."""

import math
from dataclasses import dataclass, replace

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
class Incumbent:
    """The policy that serves until now; a new one must do no worse on average.

    Attributes:
        version: of the saved policy.
        gains: (sessions,) metric of its slates minus that of the new plain ones, held out; NaN
            where it was not measured.
    """

    version: str
    gains: NDArray[np.float64]

    def loss(self, rules: GateRules, seed: int) -> Interval | None:
        """Return its gain over no hint if that is surely below 0 on enough sessions."""
        known = self.gains[np.isfinite(self.gains)]
        if len(known) < max(rules.sessions, rules.share * len(self.gains)):
            return None
        gain = _interval(known, seed)
        return gain if gain.high < 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the gate found.

    Attributes:
        serves: whether the new policy may serve.
        words: why, for people.
        over_none: held-out gain over no hint; not finite where nothing was measured.
        over_static: held-out gain over the best static hint.
        static_hint: id of that hint, or None where there was none to compare with.
        over_incumbent: held-out gain over the policy that served until now.
        incumbent: its version, or None where none served.
        hinted: share of held-out sessions that the policy gives a hint.
    """

    serves: bool
    words: str
    over_none: Interval
    over_static: Interval
    static_hint: str | None
    over_incumbent: Interval
    incumbent: str | None
    hinted: float


def judge(
    policy: ScoringPolicy,
    states: NDArray[np.float32],
    hints: HintSide,
    rewards: NDArray[np.float64],
    rival: Rival | None = None,
    incumbent: Incumbent | None = None,
    *,
    rules: GateRules | None = None,
    seed: int = 0,
) -> Decision:
    """Compare a policy with no hint, the best static hint and what serves, session by session.

    Args:
        policy: the new one; its exploration is left out of the comparison.
        states: (sessions, features) that nothing was fitted on.
        hints: the hints that it would choose from if it served.
        rewards: (sessions, hints) metric with the hint minus without; NaN where it was not
            measured. Only the pairs that the policy chooses are needed.
        rival: the best static hint, or None where no hint at all was best.
        incumbent: what serves until now, or None.
        rules: what must be measured; `GateRules()` without a word.
        seed: of the bootstrap.
    """
    rules = rules or GateRules()
    picks = policy.best(states, hints)
    columns = np.array([-1 if pick.column is None else pick.column for pick in picks])
    padded = np.concatenate([rewards, np.zeros((len(rewards), 1))], axis=1)
    own = padded[np.arange(len(padded)), columns]
    static = np.zeros(len(own)) if rival is None else rival.gains
    serving = np.zeros(len(own)) if incumbent is None else incumbent.gains
    known = np.isfinite(own) & np.isfinite(static) & np.isfinite(serving)
    gives = columns >= 0
    found = Decision(
        serves=False,
        words="",
        over_none=_interval(own[known], seed),
        over_static=_interval((own - static)[known], seed),
        static_hint=None if rival is None else rival.hint_id,
        over_incumbent=_interval((own - serving)[known], seed),
        incumbent=None if incumbent is None else incumbent.version,
        hinted=float(gives.mean()) if len(gives) else 0.0,
    )
    fault = _too_little(known, gives, rules) or _loss(found, rules.slack)
    words = f"{fault or _praise(found)} ({int(known.sum())} held-out sessions)"
    return replace(found, serves=fault is None, words=words)


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


def _loss(found: Decision, slack: float) -> str | None:
    """Say what speaks against it; None where nothing does."""
    none, static = found.over_none, found.over_static
    if none.mean <= 0:
        return f"stays out: its gain over no hint is {none}, so it is of no use"
    if none.low < -slack:
        return f"stays out: its gain over no hint is {none}, which may be a loss"
    if static.low < -slack:
        return f"stays out: its gain over the best static hint is {static}, maybe a loss"
    if found.incumbent is not None and found.over_incumbent.mean < 0:
        return (
            f"stays out: its gain over policy {found.incumbent}, which goes on serving, is "
            f"{found.over_incumbent}"
        )
    return None


def _praise(found: Decision) -> str:
    words = f"serves: gain over no hint {found.over_none}"
    if found.static_hint is not None:
        words += f", over the best static hint {found.over_static}"
    if found.incumbent is not None:
        words += f", over policy {found.incumbent}, which served before, {found.over_incumbent}"
    return words
