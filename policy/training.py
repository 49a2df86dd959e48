"""What all learners share: the problem, the paid rewards, the curve, and what training returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from re2llm.errors import UserError
from re2llm.kb_store.store import Eligible
from re2llm.policy.hint_side import HintSide, hint_side
from re2llm.policy.outcomes import LoggedGains
from re2llm.policy.scorer import Scorer

_PATIENCE = 20
"""After so many answers of which none is usable, a learner gives up."""

Pair = tuple[int, str | None]
"""A training session's index, and a hint's id or None for no hint."""


class RewardSource(Protocol):
    """Pays for rewards; keeps every one, so that a stopped training loses nothing."""

    async def rewards(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return (pairs,) metric with the hint minus metric without; 0 for no hint, free.

        NaN where the model gave no usable answer: such a pair is never learnt from.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What there is to learn from.

    Attributes:
        states: (sessions, features) float32.
        hints: the hints to choose from.
        known: (sessions, hints) rewards that were paid for before, NaN where none was; learning
            goes on from them.
        groups: (groups, features) which features belong together, so that a group that tells
            nothing does not drown one that does; None takes all features as one group.
        logged: what served slates tell; learners that regress rewards with their noise (the
            Thompson family and `uniform`) learn from it, the others leave it out.
    """

    states: NDArray[np.float32]
    hints: HintSide
    known: NDArray[np.float64] | None = None
    groups: NDArray[np.bool_] | None = None
    logged: LoggedGains | None = None

    @classmethod
    def over(
        cls,
        states: NDArray[np.float32],
        eligible: Eligible,
        *,
        known: NDArray[np.float64] | None = None,
        groups: NDArray[np.bool_] | None = None,
    ) -> "Problem":
        """Check and wrap; the columns of `known` are the hints of `hint_side(eligible)`.

        Raises:
            UserError: there is no session or no hint to learn from, or a state is not finite.
        """
        hints = hint_side(eligible)
        if states.ndim != 2 or not len(states):
            raise UserError(
                f"no training sessions (states of shape {states.shape}); ingest sessions first"
            )
        if not len(hints):
            raise UserError(
                "no hint to train on; run `re2llm explore` or `re2llm hints starter` first"
            )
        if not np.isfinite(states).all():
            raise UserError("the training states hold numbers that are not finite")
        if known is not None and known.shape != (len(states), len(hints)):
            raise UserError(
                f"known rewards of shape {known.shape} for {len(states)} sessions and "
                f"{len(hints)} hints"
            )
        return cls(states=states.astype(np.float32), hints=hints, known=known, groups=groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a learning curve.

    Attributes:
        calls: unique (session, hint) pairs paid for so far.
        reward: mean reward of the latest batch of pairs asked for.
        hinted: share of training sessions that the policy would now give a hint.
        entropy: mean entropy of the acting policy, in nats; NaN where it has none.
        approx_kl: mean KL divergence of the last update, in nats; NaN where there is none.
        clip_fraction: share of clipped samples of the last update; NaN where there is none.
    """

    calls: int
    reward: float
    hinted: float
    entropy: float = float("nan")
    approx_kl: float = float("nan")
    clip_fraction: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """The rewards that were paid for, in order.

    Attributes:
        sessions: (n,) training session.
        hints: (n,) column of the hint.
        rewards: (n,) metric with the hint minus without.
    """

    sessions: NDArray[np.intp]
    hints: NDArray[np.intp]
    rewards: NDArray[np.float64]

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What training returns."""

    scorer: Scorer
    curve: tuple[Point, ...]
    logged: Logged


Progress = Callable[[Point, Callable[[], Scorer]], None]
"""Called after each update with the newest point, and with what makes the scorer as it now is."""


class Trainer(Protocol):
    """Learns which hint helps which session within a budget of unique calls."""

    @property
    def name(self) -> str:
        """Name the method, for tables."""

    async def train(
        self,
        problem: Problem,
        source: RewardSource,
        *,
        calls: int,
        seed: int,
        progress: Progress | None = None,
    ) -> Trained:
        """Learn until the calls are spent; the same seed gives the same scorer, bit for bit."""


class Ledger:
    """Asks a source, counts unique pairs, and remembers what it said."""

    def __init__(self, problem: Problem, source: RewardSource, calls: int) -> None:
        """Start with nothing paid.

        Raises:
            UserError: the budget is not positive.
        """
        if calls < 1:
            raise UserError(f"a budget of {calls!r} calls teaches nothing; give at least 1")
        self._ids = problem.hints.ids
        self._source = source
        self.table = np.full((len(problem.states), len(problem.hints)), np.nan)
        """(sessions, hints) rewards; NaN where unknown."""
        if problem.known is not None:
            self.table[:] = problem.known
        self.asked = np.isfinite(self.table)
        """Which pairs were paid for; a pair that failed is not asked again."""
        self.budget = min(calls, int((~self.asked).sum()))
        self._order: list[tuple[int, int]] = []

    @property
    def spent(self) -> int:
        """Count the unique pairs paid for."""
        return len(self._order)

    @property
    def left(self) -> int:
        """Count the calls that are left."""
        return self.budget - self.spent

    async def pay(self, sessions: NDArray[np.intp], hints: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the rewards of pairs, buying the new ones.

        Args:
            sessions: (n,) training sessions.
            hints: (n,) columns; -1 is no hint.

        Returns:
            (n,) rewards; NaN where the pair failed or the budget does not reach.

        Raises:
            UserError: nothing is known, and no answer so far was usable.
        """
        wanted = dict.fromkeys(
            (int(s), int(h))
            for s, h in zip(sessions, hints, strict=True)
            if h >= 0 and not self.asked[s, h]
        )
        new = list(wanted)[: self.left]
        if new:
            paid = await self._source.rewards([(s, self._ids[h]) for s, h in new])
            if paid.shape != (len(new),):
                raise ValueError(f"{len(new)} pairs, rewards of shape {paid.shape}")
            for (s, h), reward in zip(new, paid, strict=True):
                self.table[s, h] = reward
                self.asked[s, h] = True
            self._order.extend(new)
            self._require_any()
        return np.where(hints < 0, 0.0, self.table[sessions, hints])

    def _require_any(self) -> None:
        enough = self.spent >= min(_PATIENCE, self.budget)
        if enough and not np.isfinite(self.table).any():
            raise UserError(
                f"the model gave no usable answer to the first {self.spent} questions of the "
                "training, so there is nothing to learn from; see what it answers with "
                "`re2llm doctor`, and whether --max-calls or the budget is used up"
            )

    def logged(self) -> Logged:
        """Return what was paid for here, in order, without what failed."""
        pairs = np.array(self._order, dtype=np.intp).reshape(-1, 2)
        rewards = self.table[pairs[:, 0], pairs[:, 1]]
        good = np.isfinite(rewards)
        return Logged(sessions=pairs[good, 0], hints=pairs[good, 1], rewards=rewards[good])
