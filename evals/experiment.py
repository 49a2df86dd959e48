"""An experiment from its file to its report: every variant learnt, and all judged together."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path

from re2llm.catalog.sessions import Session
from re2llm.errors import UserError
from re2llm.evals.arms import ArmPlan, static_hint
from re2llm.evals.experiment_home import JUDGED, variant_home
from re2llm.evals.experiment_plan import ExperimentPlan
from re2llm.evals.hindsight import in_hindsight
from re2llm.evals.main_table import main_table
from re2llm.evals.metrics import HEADLINE
from re2llm.evals.order_sensitivity import in_other_orders
from re2llm.evals.pictures import LearningCurve
from re2llm.evals.recipe import RECENCY, Variant
from re2llm.evals.report import Report, against, make_report
from re2llm.evals.results import NO_HINT, Arm, Comparison, Facts
from re2llm.evals.variant import (
    FoldMaker,
    Learnt,
    learn_variant,
    other_workspace,
)
from re2llm.evals.variant_parts import VariantParts, open_variant
from re2llm.graph.cases import Case
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import learn_fusion
from re2llm.kb_store.hint import Status
from re2llm.kb_store.starter import starter_hints
from re2llm.llm.usage import Usage
from re2llm.nodes.select_hint import USABLE
from re2llm.workspace import Workspace

Tell = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Shows a bar under a name while its block runs; the block calls it with (done, total)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An experiment's report, and the model calls that were paid for now."""

    report: Report
    calls: int


async def run_experiment(
    parts: Parts,
    plan: ExperimentPlan,
    folder: Path,
    *,
    facts: Facts,
    tell: Tell,
    elsewhere: Path | None = None,
) -> Made:
    """Run what has not run yet, and sum all of it up.

    Variants that were learnt before are read, and answers that were given before come from the
    cache: a second run pays for nothing.

    Args:
        parts: the opened workspace; its own hints and policy are neither used nor changed.
        plan: what is compared.
        folder: from `experiment_folder`.
        facts: goes into the report.
        tell: shows progress.
        elsewhere: the workspace that hints or a policy are taken over from.

    Raises:
        UserError: the workspace lacks sessions, the call budget ran out, or what is to come from
            elsewhere is not there.
    """
    budget = parts.client.budget
    before = budget.spent.calls
    asked = [session for session in parts.dataset.test if session.target is not None][: plan.test]
    if not asked:
        raise UserError("no test session has a target; an experiment needs to know what came next")
    if plan.elsewhere:
        other_workspace(elsewhere)
    valid = parts.valid_cases()
    if valid:
        apart = replace(parts, workspace=Workspace(folder))
        with tell("Fusion weight") as report:
            apart = await learn_fusion(apart, valid, report)
        parts = replace(parts, fusion=apart.fusion)
    if plan.shuffles:
        with tell("Other orders") as report:
            comparison, notes = await in_other_orders(
                parts, asked, shuffles=plan.shuffles, facts=facts, report=report
            )
        made = replace(make_report(comparison), findings=tuple(notes))
    else:
        run = _Run(parts, plan, folder, valid, asked, facts, tell, elsewhere)
        made = await run.report()
    if budget.refused:
        raise UserError(
            f"the budget of {budget.limits.calls} calls does not reach; what was answered is kept, "
            "so run it again with a larger one"
        )
    return Made(report=made, calls=budget.spent.calls - before)


@dataclass(frozen=True, slots=True)
class _Run:
    """The variants of one experiment over the same test sessions."""

    parts: Parts
    plan: ExperimentPlan
    folder: Path
    valid: Sequence[Case]
    asked: Sequence[Session]
    facts: Facts
    tell: Tell
    elsewhere: Path | None

    async def report(self) -> Report:
        """Learn and judge every variant, and join the tables."""
        make = FoldMaker(self.parts)
        arms: dict[str, Arm] = {}
        notes: list[str] = []
        hints: dict[str, str] = {}
        comparison: Comparison | None = None
        for variant in self.plan.variants:
            home = variant_home(self.folder, variant)
            with self.tell(f"{variant.name}: learning") as report:
                learnt = await learn_variant(
                    self.parts,
                    variant,
                    home,
                    make=make,
                    valid=self.valid,
                    elsewhere=self.elsewhere,
                    report=report,
                )
            with closing(open_variant(self.parts, variant.recipe, home)) as own:
                comparison, said = await self._judged(own, variant)
                hints |= {hint.hint_id: hint.text for hint in own.store.hints()}
            if not any(arm.degraded_count for arm in comparison.arms):
                (home / JUDGED).touch()
            notes += [_note(variant, learnt, comparison), *said]
            for arm in _named(comparison, variant):
                arms.setdefault(arm.name, arm)
        if comparison is None:
            raise ValueError("a plan without variants is refused when it is read")
        joined = replace(comparison, arms=tuple(arms.values()))
        return self._summed_up(joined, notes, hints)

    async def _judged(self, own: VariantParts, variant: Variant) -> tuple[Comparison, list[str]]:
        more: list[ArmPlan] = []
        if RECENCY in variant.rows:
            # A candidate is asked with only where it is named: neither trained on nor chosen.
            sentence = starter_hints(own.settings.tenant, Status.CANDIDATE, 0.0)[0]
            there = own.store.get(sentence.hint_id, tenant=own.settings.tenant)
            if there is None or there.status not in USABLE:
                own.store.put(sentence, by="experiment", why="the row of one sentence for all")
            more.append(static_hint(sentence.hint_id, RECENCY))
        journal = own.workspace.root / "journal.jsonl"
        with self.tell(f"{variant.name}: judging") as report:
            comparison = await main_table(
                own,
                self.asked,
                valid=self.valid,
                facts=self.facts,
                arms=variant.rows,
                more=more,
                journal_path=journal,
                progress=report,
            )
            if not variant.asks_all:
                return comparison, []
            best, said = await in_hindsight(
                own, self.asked, facts=self.facts, journal_path=journal, progress=report
            )
        return replace(comparison, arms=(*comparison.arms, *best)), [said]

    def _summed_up(
        self, comparison: Comparison, notes: Sequence[str], hints: dict[str, str]
    ) -> Report:
        plan = self.plan
        references = (NO_HINT,) if plan.against is None else (NO_HINT, plan.against)
        report = make_report(
            comparison,
            sessions=self.asked,
            titles={item.item_id: item.title for item in self.parts.catalog},
            hints=hints,
            kinds=self.parts.workspace.read_kinds(),
            references=references,
            closely=plan.closely,
        )
        said = [
            against(row, references[-1])
            for row in report.tables[0].rows
            if row.asks and row.name not in references
        ]
        return replace(report, findings=(*said, *notes), curve=_curve(plan, report))


def _named(comparison: Comparison, variant: Variant) -> list[Arm]:
    """Call a variant's rows by its name; where there is no policy to serve, no hint is served."""
    known = [arm for arm in comparison.arms if not arm.asks or arm.name == NO_HINT]
    plain = comparison.arm(NO_HINT)
    for row in variant.rows:
        arm = comparison.arm(row) or plain
        if arm is not None:
            usage = Usage() if arm is plain else arm.usage
            known.append(replace(arm, name=variant.label(row), usage=usage))
    return known


def _note(variant: Variant, learnt: Learnt, comparison: Comparison) -> str:
    policy = f" Policy: {learnt.words}." if variant.trains else ""
    empty = [variant.label(row) for row in variant.rows if comparison.arm(row) is None]
    nothing = f" Without anything to give, no hint is given: {', '.join(empty)}." if empty else ""
    return (
        f"{variant.name}: {learnt.hints} active hints, learnt with {learnt.calls:,} model calls "
        f"beside those in the cache.{policy}{nothing}"
    )


def _curve(plan: ExperimentPlan, report: Report) -> LearningCurve | None:
    table = report.tables[0]
    points = [(one.at, table.row(one.label(one.rows[0]))) for one in plan.variants]
    cells = [(at, row.cells[HEADLINE.name].value) for at, row in points if at is not None and row]
    plain = table.row(NO_HINT)
    if not cells or plain is None:
        return None
    return LearningCurve(
        calls=[int(at) for at, _ in cells],
        values=[value.mean for _, value in cells],
        low=[value.low for _, value in cells],
        high=[value.high for _, value in cells],
        metric=HEADLINE.name,
        references={NO_HINT: plain.cells[HEADLINE.name].value.mean},
        axis=plan.axis or "value",
        title=f"against {plan.axis}" if plan.axis else "of the series",
    )
