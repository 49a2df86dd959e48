"""What held-out sessions say of a policy and of its hints, before it may serve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import weigh_hinted
from re2llm.kb_store.hint import Hint, Status
from re2llm.policy.bootstrap import mean_interval
from re2llm.policy.gate import Rival
from re2llm.policy.hint_side import HintSide
from re2llm.policy.paid import PaidRewards
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
    """Validation cases and what is known of them under the hints."""

    def __init__(
        self, parts: Parts, cases: Sequence[Case], hints: HintSide, texts: dict[str, str]
    ) -> None:
        self.states = np.stack([case.features for case in cases])
        self.hints = hints
        self.source = paid_rewards(parts, cases, texts)
        self._parts = parts
        self._cases = cases
        self._seed = parts.settings.seed

    @property
    def gains(self) -> NDArray[np.float64]:
        """(cases, hints) gains; NaN where they were not needed."""
        return known_gains(self._parts, self._cases, self.hints)

    @property
    def base(self) -> float:
        """Mean metric without a hint."""
        keys = [case.key for case in self._cases]
        return float(np.nanmean(self._parts.rewards.table(self._parts.scope, keys, ()).base))

    async def pay_for(self, policy: ScoringPolicy) -> None:
        """Measure what the policy would choose, and every session without a hint."""
        await self.source.bases(range(len(self._cases)))
        await self.source.rewards(
            [
                (row, self.hints.ids[pick.column])
                for row, pick in enumerate(policy.best(self.states, self.hints))
                if pick.column is not None
            ]
        )

    async def point(self, calls: int, scorer: Scorer) -> CurvePoint:
        """Measure a policy on all cases."""
        policy = ScoringPolicy(scorer=scorer, name="snapshot")
        await self.pay_for(policy)
        gains = self.gains
        picked = np.array(
            [
                0.0 if pick.column is None else gains[row, pick.column]
                for row, pick in enumerate(policy.best(self.states, self.hints))
            ]
        )
        found = mean_interval(picked[np.isfinite(picked)], seed=self._seed)
        return CurvePoint(calls=calls, gain=found.mean, low=found.low, high=found.high)


async def static_rival(
    parts: Parts, cases: Sequence[Case], hint_id: str, texts: dict[str, str]
) -> Rival:
    """Measure one hint for all on the slate, its order weighed as is best for it."""
    weighed = await weigh_hinted(parts, [(case, texts[hint_id]) for case in cases])
    source = paid_rewards(weighed.as_served, cases, texts)
    gains = await source.rewards([(row, hint_id) for row in range(len(cases))])
    return Rival(hint_id=hint_id, gains=gains)


def promote(parts: Parts, policy: ScoringPolicy, judging: Judging) -> tuple[Hint, ...]:
    """Activate the shadow hints that the policy chooses, and by which it gains on average."""
    gains = judging.gains
    found: dict[int, list[float]] = {}
    for row, pick in enumerate(policy.best(judging.states, judging.hints)):
        if pick.column is not None and np.isfinite(gains[row, pick.column]):
            found.setdefault(pick.column, []).append(float(gains[row, pick.column]))
    promoted = []
    for column, seen in sorted(found.items()):
        hint = parts.store.get(judging.hints.ids[column], tenant=parts.settings.tenant)
        if hint is None or hint.status is not Status.SHADOW or sum(seen) <= 0:
            continue
        why = (
            f"the policy chooses it in {len(seen)} held-out sessions and gains "
            f"{sum(seen) / len(seen):+.3f} there"
        )
        promoted.append(replace(hint, status=Status.ACTIVE, reason=why))
    parts.store.put_all(promoted, by="train", why="chosen by the policy that serves")
    return tuple(promoted)


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
