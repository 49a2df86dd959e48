"""Training sessions asked about and learnt from: the best static hint first, then the policy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.judging import (
    known_gains,
    paid_rewards,
    snapshot,
)
from re2llm.graph.parts import Parts
from re2llm.graph.promote import may_serve
from re2llm.graph.slate_log import SlateLog
from re2llm.graph.weigh import Report
from re2llm.kb_store.hint import Status
from re2llm.kb_store.store import Eligible
from re2llm.policy.features import FEATURE_GROUPS
from re2llm.policy.gate import GateRules
from re2llm.policy.halving import Halving
from re2llm.policy.outcomes import logged_gains
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.training import Point, Problem, Trained, Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """How a policy is trained.

    Attributes:
        trainer: how to learn.
        calls: (session, hint) pairs that may be paid for on training sessions; each session that
            is asked about costs one call more, once, for its order without a hint.
        static_calls: pairs more, for finding the best static hint that the policy must match; the
            learner goes on from them.
        hints: so many hints are learnt about at most, the most promising ones.
        curve: how many points of the learning curve are measured on validation sessions; each
            costs about one call per session and choice that is new.
        rules: what the gate demands.
    """

    trainer: Trainer
    calls: int = 2000
    static_calls: int = 500
    hints: int = 60
    curve: int = 0
    rules: GateRules = field(default_factory=lambda: GateRules(slack=0.005))


class Learning:
    """What is asked and learnt on training sessions.

    Attributes:
        source: pays for rewards.
        problem: what is learnt, with what is known of it by now.
    """

    def __init__(
        self,
        parts: Parts,
        cases: Sequence[Case],
        eligible: Eligible,
        plan: TrainPlan,
        told: Report,
        log: SlateLog | None,
    ) -> None:
        """Put the question together; see `learn_policy` for what each is."""
        self._parts, self._cases, self._plan, self._told = parts, cases, plan, told
        texts = {hint.hint_id: hint.text for hint in eligible.hints}
        self.source = paid_rewards(parts, cases, texts)
        keys = [case.key for case in cases]
        ids = [hint.hint_id for hint in eligible.hints]
        self.problem = Problem.over(
            np.stack([case.features for case in cases]) if cases else np.zeros((0, 0), np.float32),
            eligible,
            known=parts.rewards.table(parts.scope, keys, ids).gains,
            groups=FEATURE_GROUPS,
        )
        if log is not None and log.served:
            outcomes = log.outcomes(parts.settings.reward)
            logged = logged_gains(outcomes, self.problem.hints)
            self.problem = replace(self.problem, logged=logged)
        self._snapshots: list[tuple[int, Scorer]] = []

    async def run(self) -> tuple[Trained, Trained]:
        """Return what was found of the best static hint, and what was learnt."""
        plan, seed = self._plan, self._parts.settings.seed
        static = await Halving().train(
            self.problem, self.source, calls=plan.static_calls, seed=seed
        )
        self.problem = replace(
            self.problem, known=known_gains(self._parts, self._cases, self.problem.hints)
        )
        trained = await plan.trainer.train(
            self.problem, self.source, calls=plan.calls, seed=seed, progress=self._note
        )
        return static, trained

    def best_of(self, static: Trained) -> str:
        """Return the id of the hint that was found best for all."""
        gains = static.scorer.scores(self.problem.states[:1], self.problem.hints)
        return self.problem.hints.ids[int(gains.argmax())]

    def known(self) -> NDArray[np.float64]:
        """Return (cases, hints) all gains that are known by now."""
        return known_gains(self._parts, self._cases, self.problem.hints)

    def way(self, calls: int, end: int) -> list[tuple[int, ScoringPolicy]]:
        """Return the policy as it was before the end, with the calls paid by then."""
        before = [(spent, scorer) for spent, scorer in self._snapshots if spent < end]
        return [(spent, snapshot(scorer, calls)) for spent, scorer in before]

    def _note(self, point: Point, scorer: Callable[[], Scorer]) -> None:
        plan = self._plan
        self._told(point.calls, plan.calls)
        wanted = (len(self._snapshots) + 1) * plan.calls / (plan.curve + 1)
        if plan.curve and point.calls >= wanted:
            self._snapshots.append((point.calls, scorer()))


def to_learn(parts: Parts, most: int) -> Eligible:
    """Take the active hints, and the shadow hints that may become active, best ones first."""
    tenant = parts.settings.tenant
    active = parts.store.hints(tenant=tenant, status=[Status.ACTIVE])
    shadow = parts.store.hints(tenant=tenant, status=[Status.SHADOW])
    shadow = [hint for hint in shadow if may_serve(parts, hint)]
    shadow.sort(key=lambda hint: (-hint.evidence.gain, hint.hint_id))
    hints = sorted([*active, *shadow][: max(most, len(active))], key=lambda hint: hint.hint_id)
    vectors = parts.store.encoder.encode([hint.text for hint in hints])
    return Eligible(hints=tuple(hints), vectors=vectors)
