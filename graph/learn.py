"""Training as a shop runs it: rewards paid once, a policy learnt, a gate before it serves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.errors import UserError
from re2llm.graph.cases import Case
from re2llm.graph.diagnosis import Diagnosis, Seen, diagnose
from re2llm.graph.fitting import Fitting
from re2llm.graph.folds import Fold
from re2llm.graph.judging import (
    CurvePoint,
    Judging,
    static_rival,
)
from re2llm.graph.learning import Learning, TrainPlan, to_learn
from re2llm.graph.parted import parted
from re2llm.graph.parts import Parts
from re2llm.graph.policy_card import make_card
from re2llm.graph.serving import WEIGHTS
from re2llm.graph.slate_log import SlateLog
from re2llm.graph.weigh import Report, weigh_unsaved
from re2llm.kb_store.hint import Hint
from re2llm.llm.usage import Usage
from re2llm.policy.gate import Decision, judge
from re2llm.policy.saved import save_policy, switch
from re2llm.policy.serving import ScoringPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a training brought.

    Attributes:
        version: of the saved policy, whether it serves or not.
        decision: of the gate.
        base: mean metric of the held-out sessions without a hint; NaN where none was measured.
        promoted: shadow hints that became active, since the policy gains by them.
        paid: values that were asked for, those without a hint included; the rest was known.
        logged: gains out of served slates that were learnt from beside the paid ones.
        diagnosis: numbers to look at, all of them measured already.
    """

    version: str
    decision: Decision
    base: float
    promoted: tuple[Hint, ...]
    hints: int
    paid: int
    usage: Usage
    logged: int
    diagnosis: Diagnosis

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """Return how the slates of the judged sessions gained, call by call."""
        return self.diagnosis.slate_curve


async def learn_policy(
    parts: Parts,
    folds: Sequence[Fold],
    valid: Sequence[Case],
    plan: TrainPlan,
    report: Report,
    log: SlateLog | None = None,
) -> Learnt:
    """Train a policy on the folds' cases, judge it on validation cases, save it.

    What is learnt by is the setting `reward`. On two fifths of the validation sessions is fitted
    what orders count in the slate, which shadow hints become active, and how orders mix; on the
    others the gate judges exactly what would serve. It serves from now on if the gate says so;
    otherwise nothing changes but the record. What was paid for before is known and costs nothing;
    a stop loses at most the calls under way.

    Args:
        parts: the opened workspace.
        folds: sessions to learn from.
        valid: validation cases.
        plan: how.
        report: hears of progress.
        log: slates that were served, learnt from as far as lot decided what was shown.

    Raises:
        UserError: there are no hints, no session to learn from or to judge by, or the model gives
            no usable answer.
    """
    cases = [case for fold in folds for case in fold.cases]
    fit, judged = parted(valid)
    if not fit or not judged:
        raise UserError(
            f"{len(valid)} validation sessions have a target; at least {plan.rules.sessions} to "
            f"{2 * plan.rules.sessions} are needed to fit weights on and to judge a policy by"
        )
    parts = await weigh_unsaved(parts, fit, report)
    eligible = to_learn(parts, plan.hints)
    texts = {hint.hint_id: hint.text for hint in eligible.hints}
    learning = Learning(parts, cases, eligible, plan, report, log)
    static_hint, trained = await learning.run()
    policy = ScoringPolicy(
        scorer=trained.scorer, name=plan.trainer.name, calls=parts.settings.calls_per_slate
    )
    fitting = Fitting(parts, fit, eligible, learning.problem.hints, policy)
    ready = await fitting.run(report)
    judging = Judging(ready.parts, judged, ready.hints, texts, ready.mix)
    rival = await static_rival(parts, fit, judged, static_hint, texts)
    decision = judge(
        policy,
        judging.states,
        judging.hints,
        await judging.measured(policy),
        rival,
        rules=plan.rules,
        seed=parts.settings.seed,
    )
    seen = Seen(
        policy=policy,
        way=[*learning.way(policy.calls, len(trained.logged)), (len(trained.logged), policy)],
        rival=rival,
        points=trained.curve,
        known=learning.known(),
        texts=texts,
    )
    diagnosis = await diagnose(parts, judging, seen)
    bases = judging.bases
    base = float(np.nanmean(bases)) if np.isfinite(bases).any() else float("nan")
    version = save_policy(
        parts.workspace.policy_of(parts.settings.tenant),
        trained.scorer,
        make_card(parts, plan.trainer.name, trained, decision, base, ready.hints.ids, static_hint),
        serve=False,
        beside={WEIGHTS: ready.weights.model_dump_json(indent=1)},
    )
    if decision.serves:
        why = "chosen by the policy that serves"
        parts.store.put_all(ready.promoted, by="train", why=why)
        switch(parts.workspace.policy_of(parts.settings.tenant), version)
    return Learnt(
        version=version,
        decision=decision,
        base=base,
        promoted=ready.promoted if decision.serves else (),
        hints=len(eligible.hints),
        paid=learning.source.paid + fitting.paid + judging.source.paid,
        usage=parts.client.budget.spent,
        logged=len(learning.problem.logged or ()),
        diagnosis=diagnosis,
    )
