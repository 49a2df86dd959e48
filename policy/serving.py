"""Which hint is served: the best one that is surely better than none, or none."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from re2llm.errors import UserError
from re2llm.kb_store.store import Eligible
from re2llm.policy.choice import Choice
from re2llm.policy.hint_side import HintSide, hint_side
from re2llm.policy.picks import Pick, largest, top
from re2llm.policy.scorer import Scorer

_SHORTLIST = 4
"""Hints per session, by score, that the gate looks at."""
CAUTION = 0.5
"""Default of `ScoringPolicy.caution`: as good as 1 in every planted world of
`re2llm.evals.bench_policy`, sooner of use on a shop's sessions, and silent where nothing helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringPolicy:
    """A scorer with a gate per session and exploration mixed in.

    Attributes:
        scorer: what was trained.
        name: which policy this is, for the record.
        caution: a hint is served only where score minus `caution` standard deviations is above 0.
        exploration: share of sessions that get an action drawn uniformly, no hint included.
        seed: of the draws.
        calls: how often the model may be asked for one slate; above 1, a choice of a hint names
            further actions, the best ones by score, as far as they are no worse than no hint,
            which is one of them. Where no hint is chosen, one call is enough.
    """

    scorer: Scorer
    name: str
    caution: float = CAUTION
    exploration: float = 0.0
    seed: int = 0
    calls: int = 1
    _draws: np.random.Generator = field(init=False, repr=False, compare=False)
    _lock: threading.Lock = field(
        init=False, repr=False, compare=False, default_factory=threading.Lock
    )
    _seen: dict[str, tuple[Eligible, HintSide]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Check the knobs and seed the draws.

        Raises:
            UserError: a knob is out of range.
        """
        if not 0 <= self.exploration <= 1:
            raise UserError(f"exploration {self.exploration!r} is not between 0 and 1")
        if not self.caution >= 0:
            raise UserError(f"caution {self.caution!r} is below 0; 0 switches the gate off")
        if self.calls < 1:
            raise UserError(f"{self.calls!r} calls per slate; give at least 1")
        object.__setattr__(self, "_draws", np.random.default_rng(self.seed))

    @property
    def version(self) -> str:
        """Name this policy, for the record."""
        return self.name

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:
        """Choose for one session.

        Args:
            state: (features,) of `re2llm.policy.features`.
            eligible: the hints to choose from; disabled ones among them are never chosen.

        Raises:
            UserError: the state or the vectors are not of the size the policy was trained on.
        """
        return self.choose_many(state[None, :], eligible)[0]

    def choose_many(self, states: NDArray[np.float32], eligible: Eligible) -> list[Choice]:
        """Choose for several sessions in one pass; `states` is (sessions, features)."""
        return self.choose_among(states, self._side(eligible))

    def choose_among(self, states: NDArray[np.float32], hints: HintSide) -> list[Choice]:
        """Do the same among hints that are arrays already."""
        picks = self.best(states, hints)
        choices = [self._explored(pick, hints) for pick in picks]
        return self._with_further(choices, states, hints) if self.calls > 1 else choices

    def shortlist(self, state: NDArray[np.float32], eligible: Eligible, n: int) -> Eligible:
        """Return the n hints with the highest scores for this session, by id.

        Args:
            state: (features,).
            eligible: any number of hints; the same object is made into arrays once.
            n: how many are left.
        """
        hints = self._side(eligible)
        self._check(state[None], hints)
        scores = self.scorer.scores(state[None], hints)[0]
        best = {hints.ids[column] for column in largest(scores, n)}
        rows = [row for row, hint in enumerate(eligible.hints) if hint.hint_id in best]
        return Eligible(
            hints=tuple(eligible.hints[row] for row in rows), vectors=eligible.vectors[rows]
        )

    def best(self, states: NDArray[np.float32], hints: HintSide) -> list[Pick]:
        """Return the best action of each session, without exploration."""
        self._check(states, hints)
        if not len(hints) or not len(states):
            return [Pick(column=None, score=0.0)] * len(states)
        scores = self.scorer.scores(states, hints)
        m = min(_SHORTLIST, len(hints))
        near = top(scores, m)
        means = np.take_along_axis(scores, near, axis=1)
        sure = self._sure(states, hints, near[:, :1], means[:, :1])
        unsettled = np.flatnonzero(~sure[:, 0] & (means[:, 0] > 0))
        sure = np.pad(sure, ((0, 0), (0, m - 1)))
        if m > 1 and len(unsettled):
            rest = self._sure(states[unsettled], hints, near[unsettled, 1:], means[unsettled, 1:])
            sure[unsettled, 1:] = rest
        first = sure.argmax(axis=1)
        return [
            Pick(column=int(near[row, place]), score=float(means[row, place]))
            if sure[row, place]
            else Pick(column=None, score=0.0)
            for row, place in enumerate(first)
        ]

    def _side(self, eligible: Eligible) -> HintSide:
        """Return the hints as arrays; the store hands out the same object until hints change."""
        last = self._seen.get("last")
        if last is not None and last[0] is eligible:
            return last[1]
        made = hint_side(eligible)
        self._seen["last"] = (eligible, made)
        return made

    def _sure(
        self,
        states: NDArray[np.float32],
        hints: HintSide,
        picks: NDArray[np.intp],
        means: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Say, of each pick, whether its gain is surely above 0."""
        if self.caution == 0:
            return means > 0
        return means > self.caution * self.scorer.spreads(states, hints, picks)

    def probabilities(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        """Return (sessions, 1 + hints) probabilities of no hint and of each hint."""
        actions = 1 + len(hints)
        table = np.full((len(states), actions), self.exploration / actions)
        for row, pick in enumerate(self.best(states, hints)):
            table[row, 0 if pick.column is None else 1 + pick.column] += 1 - self.exploration
        return table

    def _explored(self, pick: Pick, hints: HintSide) -> Choice:
        actions = 1 + len(hints)
        best = 0 if pick.column is None else 1 + pick.column
        action = best
        if self.exploration > 0:
            with self._lock:
                if self._draws.random() < self.exploration:
                    action = int(self._draws.integers(actions))
        propensity = self.exploration / actions + (1 - self.exploration) * (action == best)
        gain = pick.score if action == best and self.scorer.predicts_gain else None
        return Choice(
            hint_id=None if action == 0 else hints.ids[action - 1],
            propensity=float(propensity),
            gain=gain,
            version=self.name,
        )

    def _with_further(
        self, choices: Sequence[Choice], states: NDArray[np.float32], hints: HintSide
    ) -> list[Choice]:
        """Add to each choice of a hint the next best actions; no hint has score 0."""
        if not len(hints):
            return list(choices)
        scores = self.scorer.scores(states, hints)
        padded = np.concatenate([np.zeros((len(states), 1)), scores], axis=1)
        ids: tuple[str | None, ...] = (None, *hints.ids)
        further = []
        for choice, row, best in zip(choices, padded, top(padded, self.calls), strict=True):
            others = (ids[action] for action in best if row[action] >= 0)
            also = islice((one for one in others if one != choice.hint_id), self.calls - 1)
            further.append(choice if choice.hint_id is None else replace(choice, also=tuple(also)))
        return further

    def _check(self, states: NDArray[np.float32], hints: HintSide) -> None:
        if states.ndim != 2 or states.shape[1] != self.scorer.features:
            raise UserError(
                f"policy {self.name!r} knows {self.scorer.features} features, the state has shape "
                f"{states.shape}; train it again with `re2llm train`"
            )
        if len(hints) and hints.vectors.shape[1] != self.scorer.dim:
            raise UserError(
                f"policy {self.name!r} knows hint vectors of {self.scorer.dim} numbers, these have "
                f"{hints.vectors.shape[1]}; train it again with `re2llm train`"
            )
