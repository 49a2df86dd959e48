"""The main table of a workspace: every way to choose a hint, over the same held-out sessions."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from re2llm.catalog.sessions import Session
from re2llm.evals.arms import (
    ArmPlan,
    nearest_hint,
    no_hint,
    policy,
    random_hint,
    static_hint,
)
from re2llm.evals.baselines import Blend, Example, evidence_of, fit_blend
from re2llm.evals.evaluate import Progress, evaluate
from re2llm.evals.graph_runner import GraphRunner
from re2llm.evals.journal import Journal
from re2llm.evals.known_candidates import KnownCandidates
from re2llm.evals.results import NO_HINT, POLICY, Comparison, Facts
from re2llm.graph.builder import Steps, build_graph
from re2llm.graph.cases import Case
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import weigh_hinted
from re2llm.kb_store.hint import Status
from re2llm.llm.prompts import prompt_version
from re2llm.one_hop import OneHop
from re2llm.policy.saved import read_card, versions

_WEIGHED = 150
"""Validation sessions at most that an arm's weight is fitted on."""


async def main_table(
    parts: Parts,
    sessions: Sequence[Session],
    *,
    facts: Facts,
    valid: Sequence[Case] | None = None,
    journal_path: Path | None = None,
    arms: Collection[str] | None = None,
    more: Sequence[ArmPlan] = (),
    progress: Progress | None = None,
) -> Comparison:
    """Try no hint, a random one, the nearest one, the best static one and the policy.

    The best static hint is the one that was best on the training sessions. Arms that the workspace
    has nothing for (no hints, no policy trained yet) are left out; where the gate let no policy
    serve, the row of the policy shows what is served then, which is no hint.

    Args:
        parts: the opened workspace.
        sessions: to be judged by; none of them may have been learnt from.
        facts: goes into the result.
        valid: validation sessions, for the baselines' weights; None takes the workspace's.
        journal_path: keeps the answers, so that a stopped evaluation goes on.
        arms: names of those to be tried, beside no hint; None tries all.
        more: further arms.
        progress: called after every answer.

    Raises:
        UserError: no session has a target.
    """
    settings = parts.settings
    steps = remembering(parts)
    cases = parts.valid_cases() if valid is None else valid
    plans = [
        await _weighed(parts, steps, plan, cases[:_WEIGHED], progress)
        for plan in (*hint_plans(parts), *more)
        if arms is None or plan.name in (NO_HINT, *arms)
    ]
    fitted = fit_blend_on(cases)
    journal = None
    if journal_path is not None:
        journal = Journal(journal_path, fingerprint(parts))
    try:
        return await evaluate(
            make_runner(parts, steps),
            sessions,
            plans,
            facts=facts,
            fitted=fitted,
            journal=journal,
            at_once=settings.concurrency,
            progress=progress,
        )
    finally:
        if journal is not None:
            journal.close()


async def _weighed(
    parts: Parts, steps: Steps, plan: ArmPlan, cases: Sequence[Case], progress: Progress | None
) -> ArmPlan:
    """Let an arm's orders count as much as is best for it, as the policy's do.

    Otherwise orders that are steered without a choice would be mixed in as heavily as the policy's,
    and the arm would look worse than it has to.
    """
    if plan.name in (NO_HINT, POLICY):
        return plan
    texts = {hint.hint_id: hint.text for hint in parts.store.hints(tenant=parts.settings.tenant)}
    wished = [(case, plan.wish(case.session)) for case in cases]
    hinted = [(case, texts[hint_id]) for case, hint_id in wished if hint_id is not None]
    fusion = (await weigh_hinted(parts, hinted, progress)).fusion
    own = replace(steps, rerank=replace(steps.rerank, fusion=fusion))
    return replace(plan, runner=make_runner(parts, own))


def remembering(parts: Parts) -> Steps:
    """Return the graph's steps, with candidates that are found once per session.

    Sessions that are asked at a time share a thread: what counts here is when all are done.
    """
    finding, steps = parts.steps.retrieve, parts.steps
    known, hop = KnownCandidates(retriever=finding.retriever), OneHop()
    return replace(
        steps,
        retrieve=replace(finding, retriever=known, sold_only=False, off_loop=hop),
        select=replace(steps.select, off_loop=hop),
    )


def make_runner(parts: Parts, steps: Steps) -> GraphRunner:
    """Compile steps into what evaluation asks."""
    settings = parts.settings
    return GraphRunner(graph=build_graph(steps).compile(), k=settings.k, tenant=settings.tenant)


def hint_plans(parts: Parts) -> list[ArmPlan]:
    """Plan the arms that this workspace can try."""
    tenant = parts.settings.tenant
    eligible = parts.store.eligible(tenant=tenant)
    ids = [hint.hint_id for hint in eligible.hints]
    plans = [no_hint()]
    if ids:
        plans.append(random_hint(ids, seed=parts.settings.seed))
        plans.append(nearest_hint(parts.catalog, parts.store.encoder, eligible))
    static = best_static(parts)
    if static and parts.store.get(static, tenant=tenant) is not None:
        plans.append(static_hint(static))
    if versions(parts.workspace.policy_of(parts.settings.tenant)):
        plans.append(policy())
    return plans


def most_calls(parts: Parts, sessions: int) -> int:
    """Estimate the model calls of a main table, from above: nothing in the cache, one a slate."""
    names = [plan.name for plan in hint_plans(parts)]
    weighed = len([name for name in names if name not in (NO_HINT, POLICY)])
    return len(names) * sessions + weighed * min(len(parts.dataset.valid), _WEIGHED)


def best_static(parts: Parts) -> str:
    """Return the id of the hint that the newest training found best for all; or nothing."""
    folder = parts.workspace.policy_of(parts.settings.tenant)
    saved = versions(folder)
    return read_card(folder, saved[-1]).origin.static_hint if saved else ""


def fit_blend_on(cases: Sequence[Case]) -> Blend | None:
    """Fit the weights of retrieval's sources, the baseline that asks no model."""
    examples = [
        Example(evidence=evidence_of(case.task.candidates), target=case.target)
        for case in cases
        if any(one.item.item_id == case.target for one in case.task.candidates)
    ]
    return fit_blend(examples) if examples else None


def fingerprint(parts: Parts) -> dict[str, str]:
    """Name everything that an answer depends on."""
    active = parts.store.hints(tenant=parts.settings.tenant, status=[Status.ACTIVE])
    ids = "\0".join(hint.hint_id for hint in active)
    return {
        "data": parts.dataset.meta.name,
        "model": parts.scope.model,
        "prompts": prompt_version(),
        "policy": parts.steps.select.policy.version,
        "hints": f"{len(active)}, {hashlib.sha256(ids.encode()).hexdigest()[:12]}",
        "slate": f"{parts.as_served.scope.metric}, {parts.settings.candidates} candidates",
        "retrieval": parts.retrieval.version,
    }
