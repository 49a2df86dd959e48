"""An experiment over the graph, here: the same scores as in LangSmith, and nothing sent at all."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from langsmith import get_current_run_tree

from re2llm.catalog.sessions import Session
from re2llm.errors import UserError
from re2llm.evals.bootstrap import Estimate, estimate, resampled_means
from re2llm.evals.graph_runner import GraphRunner
from re2llm.evals.scores import Answer, Evaluator
from re2llm.graph.state import RecommendInput
from re2llm.langsmith_client import untraced

_TAGS = ("model", "prompts", "hint", "policy", "answer")
"""What a slate's trace is tagged with, as when it is served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One example: what the graph is asked, and what came next.

    Attributes:
        split: `test`, `valid`, ...: a split of the LangSmith dataset.
    """

    session_id: str
    inputs: RecommendInput
    target: str | None
    split: str = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What came out.

    Attributes:
        name: the experiment's name in LangSmith, or a local one.
        rows: session id to score by key; a score that does not arise is missing.
        summary: key to mean with interval, over the sessions that have the score.
    """

    name: str
    rows: Mapping[str, Mapping[str, float]]
    summary: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Asks the graph, and without a hint too where the lift is wanted.

    Attributes:
        facts: names and versions (model, prompt, policy, knowledge base) that every trace carries.
        paired: whether every session is asked without a hint as well; twice the calls, less what
            the cache holds.
    """

    runner: GraphRunner
    hint: str | None = "policy"
    facts: Mapping[str, str] = field(default_factory=dict)
    paired: bool = True

    async def __call__(self, inputs: Mapping[str, object]) -> dict[str, object]:
        """Answer one example, as JSON."""
        known = RecommendInput.__annotations__
        question = cast(RecommendInput, {key: inputs[key] for key in known if key in inputs})
        about = {**self.facts, "session": str(inputs.get("session_id", ""))}
        run = get_current_run_tree()
        told = None if run is None else about
        slate = await self.runner.ask(question, self.hint, told)
        base = None
        if self.paired and self.hint is not None:
            base = await self.runner.ask(question, None, told)
        if run is not None:
            answer = "degraded" if slate.degraded else "whole"
            tags = {**self.facts, "hint": slate.hint_id or "none", "answer": answer}
            run.add_metadata({**about, **tags})
            run.add_tags([f"{name}:{tags[name]}" for name in _TAGS if name in tags])
        return {
            "items": list(slate.items),
            "base_items": None if base is None else list(base.items),
            "candidates": list(slate.evidence),
            "hint_id": slate.hint_id,
            "degraded": slate.degraded,
            "invented": slate.invented,
            "seconds": slate.seconds,
            "tokens": slate.usage.input_tokens + slate.usage.output_tokens,
            "cost": slate.usage.cost,
        }


def questions(
    sessions: Sequence[Session],
    *,
    split: str = "test",
    filters: Mapping[str, object] | None = None,
) -> list[Question]:
    """Turn sessions into examples; `filters`, as JSON, are asked for in every one of them."""
    limits: RecommendInput = {} if filters is None else {"filters": dict(filters)}
    return [
        Question(
            session_id=session.session_id,
            inputs={
                "session": list(session.items),
                "given_candidates": None
                if session.candidates is None
                else list(session.candidates),
                **limits,
            },
            target=session.target,
            split=split,
        )
        for session in sessions
    ]


def save_experiment(experiment: Experiment, path: Path, *, model: str) -> None:
    """Keep an experiment's scores, so that it can be compared with others without a network."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = {"name": experiment.name, "model": model, "rows": experiment.rows}
    path.write_text(json.dumps(raw), "utf-8")


def load_experiment(path: Path) -> Experiment:
    """Read what was kept.

    Raises:
        UserError: there is no such file, or it is no experiment.
    """
    try:
        raw = json.loads(path.read_text("utf-8"))
        rows = {str(key): dict(scores) for key, scores in raw["rows"].items()}
        return Experiment(name=str(raw["name"]), rows=rows, summary=summarise(rows))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{str(path)!r} is no saved experiment ({error!r})") from None


async def run_offline(
    target: Target,
    asked: Sequence[Question],
    evaluators: Sequence[Evaluator],
    *,
    name: str = "offline",
    at_once: int = 8,
) -> Experiment:
    """Run the experiment here; whatever the environment says of tracing, nothing is sent.

    Raises:
        UserError: the graph refused a question as malformed.
    """
    slots = asyncio.Semaphore(at_once)

    async def one(question: Question) -> tuple[str, dict[str, float]]:
        async with slots:
            with untraced():
                outputs = await target(example_inputs(question))
        return question.session_id, score_all(evaluators, read_answer(question, outputs))

    rows = dict(await asyncio.gather(*(one(question) for question in asked)))
    return Experiment(name=name, rows=rows, summary=summarise(rows))


def read_answer(
    question: Question, outputs: Mapping[str, object] | None, failed: str | None = None
) -> Answer:
    """Read what the target returned, or that it failed."""
    filters = question.inputs.get("filters")
    if not outputs:
        return Answer(
            items=(),
            candidates=(),
            target=question.target,
            filters=filters,
            failed=failed or "no answer",
        )
    base, degraded = outputs.get("base_items"), outputs.get("degraded")
    return Answer(
        items=_ids(outputs.get("items")),
        candidates=_ids(outputs.get("candidates")),
        target=question.target,
        base_items=None if base is None else _ids(base),
        filters=filters,
        invented=int(_number(outputs.get("invented"))),
        degraded=None if degraded is None else str(degraded),
        seconds=_number(outputs.get("seconds")),
        tokens=int(_number(outputs.get("tokens"))),
        cost=_number(outputs.get("cost")),
    )


def summarise(rows: Mapping[str, Mapping[str, float]]) -> dict[str, Estimate]:
    """Average every score over the sessions that have it, with a bootstrap interval."""
    found: dict[str, list[float]] = {}
    for scores in rows.values():
        for key, score in scores.items():
            found.setdefault(key, []).append(score)
    summary = {}
    for key, scored in found.items():
        values = np.array(scored)[:, None]
        draws = resampled_means(values, resamples=2000)[:, 0]
        summary[key] = estimate(float(values.mean()), draws)
    return summary


def example_inputs(question: Question) -> dict[str, object]:
    """Return what an example holds, as JSON."""
    return {"session_id": question.session_id, **question.inputs}


def score_all(evaluators: Sequence[Evaluator], answer: Answer) -> dict[str, float]:
    """Return the scores that arise, by key."""
    found = {evaluator.key: evaluator.score(answer) for evaluator in evaluators}
    return {key: score for key, score in found.items() if score is not None}


def _ids(value: object) -> tuple[str, ...]:
    return tuple(str(entry) for entry in value) if isinstance(value, (list, tuple)) else ()


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
