"""What is fitted to a new policy before it is judged: what its orders count, its hints, its mix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.graph.cases import Case
from re2llm.graph.judging import Judging, as_eligible
from re2llm.graph.learn_mix import learn_mix
from re2llm.graph.parts import Parts
from re2llm.graph.promote import promotable
from re2llm.graph.serving import Weights
from re2llm.graph.weigh import Report, weigh_hinted
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible
from re2llm.llm.mix import Mix
from re2llm.policy.hint_side import HintSide
from re2llm.policy.serving import ScoringPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What would serve: parts with the fitted fusion, the hints, the mix; nothing is saved yet."""

    parts: Parts
    hints: HintSide
    promoted: tuple[Hint, ...]
    mix: Mix

    @property
    def weights(self) -> Weights:
        """What is saved beside the policy."""
        settings = self.parts.settings
        return Weights(
            asked=self.parts.asked,
            fusion=self.parts.fusion,
            calls=settings.calls_per_slate,
            mix=self.mix,
        )


class Fitting:
    """The validation sessions that the gate does not judge by."""

    def __init__(
        self,
        parts: Parts,
        cases: Sequence[Case],
        eligible: Eligible,
        hints: HintSide,
        policy: ScoringPolicy,
    ) -> None:
        """Fit on these cases.

        Args:
            parts: with the fusion of plain orders, fitted on the same cases.
            cases: validation cases that the gate does not judge by.
            eligible: the hints that were learnt about.
            hints: the same, as the policy knows them.
            policy: the new one, with as many calls per slate as serving makes.
        """
        self._parts, self._cases, self._policy = parts, cases, policy
        self._eligible, self._hints = eligible, hints
        self._texts = {hint.hint_id: hint.text for hint in eligible.hints}
        self._states = np.stack([case.features for case in cases])
        self.paid = 0

    async def run(self, report: Report) -> Ready:
        """Fit what serving needs; see `learn_policy`."""
        status = {hint.hint_id: hint.status for hint in self._eligible.hints}
        promoted = await self._promoted() if Status.SHADOW in status.values() else ()
        earned = {hint.hint_id for hint in promoted}
        ids = [one for one in self._hints.ids if status[one] is Status.ACTIVE or one in earned]
        hints = self._hints.part(np.array([self._hints.ids.index(one) for one in ids], np.intp))
        parts = await self._weighed(hints)
        mix = Mix()
        if self._policy.calls > 1:
            served = as_eligible(self._eligible, ids)
            mix = await learn_mix(
                self._policy, served, self._cases, parts.measure, report, seed=parts.settings.seed
            )
        return Ready(parts=parts, hints=hints, promoted=promoted, mix=mix)

    async def _promoted(self) -> tuple[Hint, ...]:
        """Judge shadows by what hints are tried and learnt by; the slate is the gate's business."""
        judging = Judging(self._parts, self._cases, self._hints, self._texts)
        gains = await judging.measured(self._policy)
        self.paid += judging.source.paid
        picks, seed = judging.picks(self._policy), self._parts.settings.seed
        return promotable(self._parts, picks, gains, self._hints, seed=seed)

    async def _weighed(self, hints: HintSide) -> Parts:
        """Fit what the orders under these hints count, where the policy would give them."""
        picked = [
            (case, self._texts[hints.ids[pick.column]])
            for case, pick in zip(self._cases, self._policy.best(self._states, hints), strict=True)
            if pick.column is not None
        ]
        return (await weigh_hinted(self._parts, picked)).as_served
