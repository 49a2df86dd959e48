"""What held-out sessions say of a policy and of its hints, before it may serve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.learn_mix import mixed_values
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import weigh_hinted
from re2llm.kb_store.store import Eligible
from re2llm.llm.mix import Mix
from re2llm.policy.bootstrap import mean_interval
from re2llm.policy.gate import Rival
from re2llm.policy.hint_side import HintSide
from re2llm.policy.paid import PaidRewards
from re2llm.policy.picks import Pick, rewards_of
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """The policy as it was after so many calls: mean held-out gain over no hint."""

    calls: int
    gain: float
    low: float
    high: float


class Judging:
    """Held-out cases and what is known of them under the hints, judged by the slate as served."""

    def __init__(
        self,
        parts: Parts,
        cases: Sequence[Case],
        hints: HintSide,
        texts: dict[str, str],
        mix: Mix | None = None,
    ) -> None:
        """Judge with the parts' fusion; with a mix, slates are mixed as they will be served."""
        self.states = np.stack([case.features for case in cases])
        self.hints = hints
        self.cases = cases
        self.source = paid_rewards(parts, cases, texts)
        self._parts = parts
        self._texts = texts
        self._mix = mix

    @property
    def gains(self) -> NDArray[np.float64]:
        """(cases, hints) gains of single orders; NaN where they were not needed."""
        return known_gains(self._parts, self.cases, self.hints)

    @property
    def bases(self) -> NDArray[np.float64]:
        """(cases,) metric without a hint; NaN where it was not measured."""
        keys = [case.key for case in self.cases]
        return self._parts.rewards.table(self._parts.scope, keys, ()).base

    def picks(self, policy: ScoringPolicy) -> list[Pick]:
        """Return what the policy would choose for each case."""
        return policy.best(self.states, self.hints)

    async def measured(self, policy: ScoringPolicy) -> NDArray[np.float64]:
        """Return (cases, hints) gains, measured wherever the policy would choose the hint."""
        picks = self.picks(policy)
        await self.source.bases(range(len(self.cases)))
        await self.source.rewards(
            [
                (row, self.hints.ids[pick.column])
                for row, pick in enumerate(picks)
                if pick.column is not None
            ]
        )
        gains = self.gains
        if self._mix is not None and self._mix.further > 0:
            values = await mixed_values(
                policy, self.cases, self.hints, self._texts, self._parts.measure, self._mix
            )
            mixed, bases = values - self.bases, self.bases
            for row, pick in enumerate(picks):
                if pick.column is not None:
                    gains[row, pick.column] = mixed[row] if np.isfinite(bases[row]) else np.nan
        return gains

    async def came(self, policy: ScoringPolicy) -> NDArray[np.float64]:
        """Return (cases,) gains of what the policy gives; 0 for no hint, NaN where not measured."""
        return rewards_of(await self.measured(policy), self.picks(policy))

    async def point(self, calls: int, policy: ScoringPolicy, *, seed: int) -> CurvePoint | None:
        """Measure a policy on all cases; None where nothing could be measured."""
        picked = await self.came(policy)
        picked = picked[np.isfinite(picked)]
        if not len(picked):
            return None
        found = mean_interval(picked, seed=seed)
        return CurvePoint(calls=calls, gain=found.mean, low=found.low, high=found.high)


async def static_rival(
    parts: Parts,
    fit: Sequence[Case],
    judged: Sequence[Case],
    hint_id: str,
    texts: dict[str, str],
) -> Rival:
    """Measure one hint for all on the slate, its order weighed as is best for it."""
    weighed = await weigh_hinted(parts, [(case, texts[hint_id]) for case in fit])
    source = paid_rewards(weighed.as_served, judged, texts)
    gains = await source.rewards([(row, hint_id) for row in range(len(judged))])
    return Rival(hint_id=hint_id, gains=gains)


def snapshot(scorer: Scorer, calls: int = 1) -> ScoringPolicy:
    """Return the policy that a scorer would be."""
    return ScoringPolicy(scorer=scorer, name="snapshot", calls=calls)


def as_eligible(eligible: Eligible, ids: Sequence[str]) -> Eligible:
    """Return the hints of these ids, in the order in which they are."""
    wanted = set(ids)
    rows = [row for row, hint in enumerate(eligible.hints) if hint.hint_id in wanted]
    return replace(
        eligible,
        hints=tuple(eligible.hints[row] for row in rows),
        vectors=eligible.vectors[rows],
    )


def paid_rewards(parts: Parts, cases: Sequence[Case], texts: dict[str, str]) -> PaidRewards:
    """Return the source of these cases' rewards; `texts` are the hints' by id."""
    measure = parts.measure

    async def value(row: int, hint_id: str | None) -> float | None:
        case = cases[row]
        hint = None if hint_id is None else texts[hint_id]
        return await measure.value(case.task, case.target, hint)

    return PaidRewards(parts.rewards, parts.scope, [case.key for case in cases], value)


def known_gains(parts: Parts, cases: Sequence[Case], hints: HintSide) -> NDArray[np.float64]:
    """Return (cases, hints) gains that were paid for; NaN elsewhere."""
    return parts.rewards.table(parts.scope, [case.key for case in cases], hints.ids).gains
