"""Training as a shop runs it: rewards paid once, a policy learnt, a gate before it serves."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from re2llm.errors import UserError
from re2llm.graph.cases import Case
from re2llm.graph.folds import Fold
from re2llm.graph.judging import (
    CurvePoint,
    Judging,
    known_gains,
    paid_rewards,
    promote,
    static_rival,
)
from re2llm.graph.learn_mix import learn_mix
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import Report, weigh_hinted
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible
from re2llm.llm.prompts import prompt_version
from re2llm.llm.usage import Usage
from re2llm.policy.card import Card, Origin
from re2llm.policy.features import FEATURE_GROUPS
from re2llm.policy.gate import Decision, judge
from re2llm.policy.halving import Halving
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
        groups=FEATURE_GROUPS,
    )
    source = paid_rewards(parts, cases, texts)
    snapshots: list[tuple[int, Scorer]] = []

    def note(point: Point, scorer: Callable[[], Scorer]) -> None:
        report(point.calls, plan.calls)
        wanted = (len(snapshots) + 1) * plan.calls / (plan.curve + 1)
        if plan.curve and point.calls >= wanted:
            snapshots.append((point.calls, scorer()))

    seed = parts.settings.seed
    static = await Halving().train(problem, source, calls=plan.static_calls, seed=seed)
    problem = replace(problem, known=known_gains(parts, cases, problem.hints))
    trained = await plan.trainer.train(problem, source, calls=plan.calls, seed=seed, progress=note)
    policy = ScoringPolicy(scorer=trained.scorer, name=plan.trainer.name)
    states = np.stack([case.features for case in valid])
    static_hint = problem.hints.ids[int(static.scorer.scores(states[:1], problem.hints).argmax())]
    rival = await static_rival(parts, valid, static_hint, texts)
    picked = [
        (case, texts[problem.hints.ids[pick.column]])
        for case, pick in zip(valid, policy.best(states, problem.hints), strict=True)
        if pick.column is not None
    ]
    parts = (await weigh_hinted(parts, picked)).as_served
    judging = Judging(parts, valid, problem.hints, texts)
    await judging.pay_for(policy)
    decision = judge(
        policy, judging.states, problem.hints, judging.gains, rival, slack=plan.slack, seed=seed
    )
    curve = [await judging.point(calls, scorer) for calls, scorer in snapshots]
    curve.append(await judging.point(len(trained.logged), trained.scorer))
    promoted: tuple[Hint, ...] = ()
    if decision.serves:
        promoted = promote(parts, policy, judging)
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


def _to_learn(parts: Parts, most: int) -> Eligible:
    """Take the active hints, and shadow hints, the best by their lower bound first."""
    tenant = parts.settings.tenant
    active = parts.store.hints(tenant=tenant, status=[Status.ACTIVE])
    shadow = parts.store.hints(tenant=tenant, status=[Status.SHADOW])
    shadow.sort(key=lambda hint: (-hint.evidence.gain, hint.hint_id))
    hints = sorted([*active, *shadow][: max(most, len(active))], key=lambda hint: hint.hint_id)
    vectors = parts.store.encoder.encode([hint.text for hint in hints])
    return Eligible(hints=tuple(hints), vectors=vectors)


def _card(
    parts: Parts,
    plan: TrainPlan,
    trained: Trained,
    decision: Decision,
    judging: Judging,
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
