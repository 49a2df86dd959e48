"""Training as a shop runs it: rewards paid once, a policy learnt, a gate before it serves."""

from collections.abc import Sequence
from dataclasses import dataclass

from re2llm.errors import UserError
from re2llm.graph.cases import Case
from re2llm.graph.contest import Contest
from re2llm.graph.diagnosis import Diagnosis, Seen, diagnose
from re2llm.graph.folds import Fold
from re2llm.graph.incumbent import measure_standing
from re2llm.graph.installing import Installing, Instead
from re2llm.graph.judging import CurvePoint, static_rival
from re2llm.graph.learning import Learning, TrainPlan, to_learn
from re2llm.graph.parted import parted
from re2llm.graph.parts import Parts
from re2llm.graph.slate_log import SlateLog
from re2llm.graph.weigh import Report, weigh_unsaved
from re2llm.kb_store.hint import Hint
from re2llm.llm.usage import Usage
from re2llm.policy.gate import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a training brought.

    Attributes:
        version: of the saved policy, whether it serves or not.
        decision: of the gate.
        instead: what the training changed although that policy stays out; None where nothing.
        base: mean metric of the held-out sessions without a hint; NaN where none was measured.
        promoted: shadow hints that became active, since the policy gains by them.
        paid: values that were asked for, those without a hint included; the rest was known.
        logged: gains out of served slates that were learnt from beside the paid ones.
        diagnosis: numbers to look at, all of them measured already.
    """

    version: str
    decision: Decision
    instead: Instead | None
    base: float
    promoted: tuple[Hint, ...]
    hints: int
    paid: int
    usage: Usage
    logged: int
    diagnosis: Diagnosis

    @property
    def words(self) -> str:
        """Say what became of the policy, by its version, and what serves instead."""
        words = f"{self.version} {self.decision.words}"
        return words if self.instead is None else f"{words}; {self.instead.words}"

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
    others the gate judges exactly what would serve. It serves from now on if the gate says so.
    Otherwise the best hint for all sessions serves if it surely gains and is no worse than what
    serves; and what serves and surely loses is switched off. Else nothing changes but the record.
    What was paid for before is known and costs nothing; a stop loses at most the calls under way.

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
    static, trained = await learning.run()
    contest = Contest(
        parts=parts,
        fit=fit,
        judged=judged,
        eligible=eligible,
        hints=learning.problem.hints,
        standing=await measure_standing(parts, judged),
    )
    rival = await static_rival(parts, fit, judged, learning.best_of(static), texts)
    installing = Installing(
        parts=parts, contest=contest, rules=plan.rules, rival=rival, report=report
    )
    done = await installing.run(plan.trainer.name, trained, static)
    found, new = done.found, len(trained.logged)
    seen = Seen(
        policy=found.policy,
        way=[*learning.way(found.policy.calls, new), (new, found.policy)],
        rival=rival,
        points=trained.curve,
        known=learning.known(),
        texts=texts,
    )
    return Learnt(
        version=done.version,
        decision=found.decision,
        instead=done.instead,
        base=found.base,
        promoted=done.promoted,
        hints=len(eligible.hints),
        paid=learning.source.paid + done.paid,
        usage=parts.client.budget.spent,
        logged=len(learning.problem.logged or ()),
        diagnosis=await diagnose(parts, found.judging, seen),
    )
