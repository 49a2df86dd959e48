"""What each further call per slate buys: one hint, a mix of several, or the plain prompt again.

Run as `python -m re2llm.evals.bench_mix WORKSPACE` on a workspace whose policy serves. Weights of
every row are learnt on validation sessions, and rows are compared on test sessions.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from re2llm.errors import UserError
from re2llm.evals.arms import ArmPlan, no_hint, policy
from re2llm.evals.evaluate import evaluate
from re2llm.evals.graph_runner import GraphRunner
from re2llm.evals.known_candidates import KnownCandidates
from re2llm.evals.report_text import terminal_table
from re2llm.evals.results import NO_HINT, POLICY, Comparison, Facts, Judged, model_label
from re2llm.evals.table import make_table
from re2llm.graph.builder import Steps, build_graph
from re2llm.graph.cases import Case
from re2llm.graph.learn_mix import learn_mix
from re2llm.graph.models import run_with
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.llm.fusion import FusionExample, fit_weight
from re2llm.llm.passes import ShuffledPasses
from re2llm.policy.serving import ScoringPolicy
from re2llm.settings import read_settings


async def compare_mixes(
    parts: Parts, most: int, sessions: int, valid: Sequence[Case]
) -> Comparison:
    """Compare no hint, the plain prompt shuffled, choose-one, and mixes of up to `most` calls.

    Raises:
        UserError: no policy serves in this workspace.
    """
    serving = parts.steps.select.policy
    if not isinstance(serving, ScoringPolicy):
        raise UserError("no policy serves here; run `re2llm train` first")
    known = KnownCandidates(retriever=parts.retriever)
    retrieve = replace(parts.steps.retrieve, retriever=known, sold_only=False)
    steps = replace(parts.steps, retrieve=retrieve)
    plans = [no_hint()]
    plans += [await _shuffled(parts, steps, calls, valid) for calls in range(2, most + 1)]
    plans.append(policy())
    plans += [await _mixed(parts, steps, serving, calls, valid) for calls in range(2, most + 1)]
    return await evaluate(
        _runner(parts, steps),
        parts.dataset.test[:sessions],
        plans,
        facts=Facts(
            title="Calls per slate",
            data=f"{parts.dataset.meta.name}, test sessions",
            model_label=model_label(parts.settings.model, stand_in=parts.settings.offline),
            seed=parts.settings.seed,
            started=time.time(),
        ),
        at_once=parts.settings.concurrency,
    )


async def _shuffled(parts: Parts, steps: Steps, calls: int, valid: Sequence[Case]) -> ArmPlan:
    """Plan the plain prompt asked so often, each time with the candidates in another order."""
    asking = ShuffledPasses(
        reranker=parts.reranker, passes=calls, agree=2, seed=parts.settings.seed
    )
    answers = await asyncio.gather(*(asking.rerank(case.task) for case in valid))
    fusion = fit_weight(
        [
            FusionExample(candidates=case.task.candidates, answer=answer, target=case.target)
            for case, answer in zip(valid, answers, strict=True)
        ],
        cautious=False,
    )
    rerank = replace(steps.rerank, reranker=asking, fusion=fusion)
    runner = _runner(parts, replace(steps, rerank=rerank))
    return ArmPlan(f"no hint, {calls} shuffled", lambda _: None, runner)


async def _mixed(
    parts: Parts, steps: Steps, serving: ScoringPolicy, calls: int, valid: Sequence[Case]
) -> ArmPlan:
    """Plan the policy's best actions, so many, mixed into one order."""
    several = replace(serving, calls=calls)
    active = parts.store.eligible(tenant=parts.settings.tenant)
    mix = await learn_mix(several, active, valid, parts.measure, lambda *_: None)
    mixed = replace(
        steps,
        select=replace(steps.select, policy=several),
        rerank=replace(steps.rerank, mix=mix),
    )
    return ArmPlan(f"policy, mix of {calls}", lambda _: "policy", _runner(parts, mixed))


def _runner(parts: Parts, steps: Steps) -> GraphRunner:
    return GraphRunner(
        graph=build_graph(steps).compile(), k=parts.settings.k, tenant=parts.settings.tenant
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the table; differences are against no hint and against the policy's one hint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--most", type=int, default=4, help="calls per slate")
    parser.add_argument("--sessions", type=int, default=400)
    given = parser.parse_args(arguments)
    parts = open_parts(read_settings(workspace=given.workspace), None)
    try:
        made = run_with(
            parts.owned,
            compare_mixes(parts, given.most, given.sessions, parts.valid_cases()[:200]),
        )
    finally:
        parts.close()
    console = Console()
    references = (NO_HINT, POLICY)
    judgements: tuple[Judged, ...] = ("slate", "model")
    for judged in judgements:
        console.print(terminal_table(make_table(made, judged, references=references)))


if __name__ == "__main__":
    main()
