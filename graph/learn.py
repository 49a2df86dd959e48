"""Training as a shop runs it: rewards paid once, a policy learnt, a gate before it serves."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from re2llm.errors import UserError
from re2llm.graph.cases import Case
from re2llm.graph.folds import Fold
from re2llm.graph.learn_mix import learn_mix
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import Report, weigh_hinted
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible
from re2llm.llm.prompts import prompt_version
from re2llm.llm.usage import Usage
from re2llm.policy.bootstrap import mean_interval
from re2llm.policy.card import Card, Origin
from re2llm.policy.gate import Decision, Rival, judge
from re2llm.policy.halving import Halving
from re2llm.policy.hint_side import HintSide
from re2llm.policy.paid import PaidRewards
from re2llm.policy.saved import save_policy
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.training import Point, Problem, Trained, Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """How a policy is trained.

    Attributes:
        trainer: how to learn.
        calls: (session, hint) pairs that may be paid for on training sessions.
        static_calls: the same, for finding the best static hint that the policy must match.
        hints: so many hints are learnt about at most, the most promising ones.
        curve: how many points of the learning curve are measured on validation sessions; each
            costs about one call per session and choice that is new.
        slack: how far below 0 the gate's lower bounds may lie, in the metric's units.
    """

    trainer: Trainer
    calls: int = 2000
    static_calls: int = 500
    hints: int = 60
    curve: int = 0
    slack: float = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """The policy as it was after so many calls: mean held-out gain over no hint."""

    calls: int
    gain: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a training brought.

    Attributes:
        version: of the saved policy, whether it serves or not.
        decision: of the gate.
        base: mean metric of the validation sessions without a hint.
        curve: on validation sessions.
        promoted: shadow hints that became active, since the policy gains by them.
        paid: (session, hint) values that were asked for; the rest was known.
    """

    version: str
    decision: Decision
    base: float
    curve: tuple[CurvePoint, ...]
    points: tuple[Point, ...]
    promoted: tuple[Hint, ...]
    hints: int
    paid: int
    usage: Usage


async def learn_policy(
    parts: Parts, folds: Sequence[Fold], valid: Sequence[Case], plan: TrainPlan, report: Report
) -> Learnt:
    """Train a policy on the folds' cases, judge it on validation cases, save it.

    What is learnt by is the setting `reward`; what an order counts that was given under the
    policy's hints is fitted next, and the slates that come out are what the gate judges.
    It serves from now on if the gate says so; otherwise whatever served before goes on serving.
    What was paid for before is known and costs nothing; a stop loses at most the calls under way.

    Raises:
        UserError: there are no hints, or no session to learn from or to judge by.
    """
    cases = [case for fold in folds for case in fold.cases]
    if not valid:
        raise UserError("no validation session has a target; the gate cannot judge a new policy")
    eligible = _to_learn(parts, plan.hints)
    texts = {hint.hint_id: hint.text for hint in eligible.hints}
    known = parts.rewards.table(
        parts.scope, [case.key for case in cases], [hint.hint_id for hint in eligible.hints]
    )
    problem = Problem.over(
        np.stack([case.features for case in cases]) if cases else np.zeros((0, 0), np.float32),
        eligible,
        known=known.gains,
    )
    source = _paid(parts, cases, texts)
    snapshots: list[tuple[int, Scorer]] = []

    def note(point: Point, scorer: Callable[[], Scorer]) -> None:
        report(point.calls, plan.calls)
        wanted = (len(snapshots) + 1) * plan.calls / (plan.curve + 1)
        if plan.curve and point.calls >= wanted:
            snapshots.append((point.calls, scorer()))

    seed = parts.settings.seed
    static = await Halving().train(problem, source, calls=plan.static_calls, seed=seed)
    problem = replace(problem, known=_gains(parts, cases, problem.hints))
    trained = await plan.trainer.train(problem, source, calls=plan.calls, seed=seed, progress=note)
    policy = ScoringPolicy(scorer=trained.scorer, name=plan.trainer.name)
    states = np.stack([case.features for case in valid])
    static_hint = problem.hints.ids[int(static.scorer.scores(states[:1], problem.hints).argmax())]
    rival = await _everywhere(parts, valid, static_hint, texts)
    picked = [
        (case, texts[problem.hints.ids[pick.column]])
        for case, pick in zip(valid, policy.best(states, problem.hints), strict=True)
        if pick.column is not None
    ]
    parts = (await weigh_hinted(parts, picked)).as_served
    judging = _Judging(parts, valid, problem.hints, texts)
    await judging.pay_for(policy)
    decision = judge(
        policy, judging.states, problem.hints, judging.gains, rival, slack=plan.slack, seed=seed
    )
    curve = [await judging.point(calls, scorer) for calls, scorer in snapshots]
    curve.append(await judging.point(len(trained.logged), trained.scorer))
    promoted: tuple[Hint, ...] = ()
    if decision.serves:
        promoted = _promote(parts, policy, judging)
        parts = parts.with_fusion(parts.fusion)
        if parts.settings.calls_per_slate > 1:
            active = parts.store.eligible(tenant=parts.settings.tenant)
            several = replace(policy, calls=parts.settings.calls_per_slate)
            parts.with_mix(
                await learn_mix(several, active, valid, parts.measure, report, seed=seed)
            )
    version = save_policy(
        parts.workspace.policy,
        trained.scorer,
        _card(parts, plan, trained, decision, judging, static_hint),
        serve=decision.serves,
    )
    return Learnt(
        version=version,
        decision=decision,
        base=judging.base,
        curve=tuple(curve),
        points=trained.curve,
        promoted=promoted,
        hints=len(problem.hints),
        paid=source.paid + judging.source.paid,
        usage=parts.client.budget.spent,
    )


async def _everywhere(
    parts: Parts, cases: Sequence[Case], hint_id: str, texts: dict[str, str]
) -> Rival:
    """Measure one hint for all on the slate, its order weighed as is best for it."""
    weighed = await weigh_hinted(parts, [(case, texts[hint_id]) for case in cases])
    source = _paid(weighed.as_served, cases, texts)
    gains = await source.rewards([(row, hint_id) for row in range(len(cases))])
    return Rival(hint_id=hint_id, gains=gains)


class _Judging:
    """Validation cases and what is known of them under the hints."""

    def __init__(
        self, parts: Parts, cases: Sequence[Case], hints: HintSide, texts: dict[str, str]
    ) -> None:
        self.states = np.stack([case.features for case in cases])
        self.hints = hints
        self.source = _paid(parts, cases, texts)
        self._parts = parts
        self._cases = cases
        self._seed = parts.settings.seed

    @property
    def gains(self) -> NDArray[np.float64]:
        """(cases, hints) gains; NaN where they were not needed."""
        return _gains(self._parts, self._cases, self.hints)

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


def _to_learn(parts: Parts, most: int) -> Eligible:
    """Take the active hints, and shadow hints, the best by their lower bound first."""
    tenant = parts.settings.tenant
    active = parts.store.hints(tenant=tenant, status=[Status.ACTIVE])
    shadow = parts.store.hints(tenant=tenant, status=[Status.SHADOW])
    shadow.sort(key=lambda hint: (-hint.evidence.gain, hint.hint_id))
    hints = sorted([*active, *shadow][: max(most, len(active))], key=lambda hint: hint.hint_id)
    vectors = parts.store.encoder.encode([hint.text for hint in hints])
    return Eligible(hints=tuple(hints), vectors=vectors)


def _promote(parts: Parts, policy: ScoringPolicy, judging: _Judging) -> tuple[Hint, ...]:
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


def _paid(parts: Parts, cases: Sequence[Case], texts: dict[str, str]) -> PaidRewards:
    measure = parts.measure

    async def value(row: int, hint_id: str | None) -> float | None:
        case = cases[row]
        hint = None if hint_id is None else texts[hint_id]
        return await measure.value(case.task, case.target, hint)

    return PaidRewards(parts.rewards, parts.scope, [case.key for case in cases], value)


def _gains(parts: Parts, cases: Sequence[Case], hints: HintSide) -> NDArray[np.float64]:
    return parts.rewards.table(parts.scope, [case.key for case in cases], hints.ids).gains


def _card(
    parts: Parts,
    plan: TrainPlan,
    trained: Trained,
    decision: Decision,
    judging: _Judging,
    static_hint: str,
) -> Card:
    digest = hashlib.sha256("\0".join(judging.hints.ids).encode()).hexdigest()[:12]
    encoder = parts.store.encoder
    return Card(
        kind=trained.scorer.kind,
        origin=Origin(
            trainer=plan.trainer.name,
            data=f"{parts.dataset.meta.name}, {len(trained.logged)} new rewards",
            model=parts.settings.model_label,
            prompt_version=prompt_version(),
            metric=parts.scope.metric,
            knowledge_base=f"{len(judging.hints)} hints, {digest}",
            calls=len(trained.logged),
            seed=parts.settings.seed,
            created=datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
            static_hint=static_hint,
        ),
        encoder=encoder.identity,
        dim=encoder.dim,
        caution=ScoringPolicy(scorer=trained.scorer, name="").caution,
        metrics={
            "held-out ndcg without a hint": judging.base,
            "held-out gain over no hint": decision.over_none.mean,
            "held-out gain over the best static hint": decision.over_static.mean,
            "share of sessions with a hint": decision.hinted,
        },
        gate=decision.words,
    )
