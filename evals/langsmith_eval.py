"""An experiment in LangSmith: dataset, runs with their traces, scores, and a summary."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from langsmith import Client, aevaluate, traceable
from langsmith.evaluation import EvaluationResult, EvaluationResults, RunEvaluator
from langsmith.schemas import Example, Run
from langsmith.utils import ContextThreadPoolExecutor, LangSmithError, LangSmithNotFoundError
from requests import RequestException

from re2llm.errors import UserError
from re2llm.evals.offline import (
    Experiment,
    Question,
    Target,
    example_inputs,
    read_answer,
    score_all,
    summarise,
)
from re2llm.evals.scores import Evaluator
from re2llm.langsmith_client import without_key
from re2llm.masking import mask

_FLUSH_S = 60.0
"""An experiment's runs are worth waiting for longer than traces are."""
_SENDERS = 8
"""Scores that are sent side by side."""
_ATTEMPTS = 5
"""Tries for one score, 15 s in all, where LangSmith does not know its run yet."""


async def run_langsmith(
    target: Target,
    asked: Sequence[Question],
    evaluators: Sequence[Evaluator],
    *,
    client: Client,
    dataset: str,
    prefix: str = "re2llm",
    description: str | None = None,
    at_once: int = 8,
) -> Experiment:
    """Run the experiment in LangSmith: dataset, experiment, traces, scores.

    A run that fails is scored as such and does not end the experiment.

    Args:
        target: what is evaluated.
        asked: the examples; those that the dataset lacks become a new, tagged version of it.
        evaluators: the scores.
        client: from `re2llm.langsmith_client`.
        dataset: its name.
        prefix: what the experiment's name begins with.
        description: for people.
        at_once: examples at a time.

    Raises:
        UserError: LangSmith does not answer or refuses.
    """
    by_id = {question.session_id: question for question in asked}
    adapter = _Adapter(by_id, evaluators)
    try:
        examples = await asyncio.to_thread(_dataset, client, dataset, asked)
        results = await aevaluate(
            traceable(name="slate")(target.__call__),
            data=examples,
            evaluators=[adapter],
            summary_evaluators=[adapter.summary],
            client=client,
            experiment_prefix=prefix,
            description=description,
            metadata={**target.facts, "examples": _content(asked)},
            max_concurrency=at_once,
            disable_evaluator_tracing=True,
        )
        await asyncio.to_thread(client.flush, _FLUSH_S)
        await asyncio.to_thread(_send_scores, client, results.experiment_id, adapter.scored)
    except (LangSmithError, RequestException) as error:
        raise UserError(
            f"LangSmith did not take the experiment ({without_key(error)}); check endpoint and "
            "key, or evaluate without LangSmith: what was answered is in the cache"
        ) from error
    return Experiment(
        name=results.experiment_name, rows=adapter.rows, summary=summarise(adapter.rows)
    )


class _Adapter(RunEvaluator):
    """Our evaluators as one of LangSmith's; keeps the rows, and the scores of each run."""

    def __init__(self, by_id: Mapping[str, Question], evaluators: Sequence[Evaluator]) -> None:
        self.by_id = by_id
        self.evaluators = evaluators
        self.rows: dict[str, dict[str, float]] = {}
        self.scored: list[tuple[Run, dict[str, float]]] = []

    def evaluate_run(
        self,
        run: Run,
        example: Example | None = None,
        evaluator_run_id: object = None,  # noqa: ARG002
    ) -> EvaluationResults:
        if example is None or example.inputs is None:
            raise ValueError(f"run {run.id} belongs to no example")
        question = self.by_id[str(example.inputs["session_id"])]
        outputs = None if run.error else run.outputs
        scores = score_all(self.evaluators, read_answer(question, outputs, run.error))
        self.rows[question.session_id] = scores
        self.scored.append((run, scores))
        return {"results": []}

    async def aevaluate_run(
        self, run: Run, example: Example | None = None, evaluator_run_id: object = None
    ) -> EvaluationResults:
        return self.evaluate_run(run, example, evaluator_run_id)

    def summary(
        self,
        runs: Sequence[Run],
        examples: Sequence[Example],  # noqa: ARG002
    ) -> EvaluationResults:
        results = []
        for key, found in summarise(self.rows).items():
            said = f"95 % interval {found.low:.4f} to {found.high:.4f}, {len(runs)} sessions"
            results.append(EvaluationResult(key=f"mean {key}", score=found.mean, comment=said))
        return {"results": results}


def _send_scores(
    client: Client, experiment: UUID, scored: Sequence[tuple[Run, Mapping[str, float]]]
) -> None:
    """Send every run's scores, and wait until all have arrived.

    LangSmith's own threads send them while the runs are still on their way, are told that there is
    no such run, try again for up to a quarter of an hour, and nobody waits for them but the end of
    the program.

    Raises:
        LangSmithError: a score was not taken.
    """

    def send(one: tuple[Run, str, float]) -> None:
        run, key, score = one
        client.create_feedback(
            run_id=run.id,
            trace_id=run.trace_id or run.id,
            session_id=experiment,
            start_time=run.start_time,
            key=key,
            score=score,
            feedback_source_type="model",
            stop_after_attempt=_ATTEMPTS,
        )

    scores = [(run, key, score) for run, found in scored for key, score in found.items()]
    with ContextThreadPoolExecutor(_SENDERS) as pool:
        list(pool.map(send, scores))


def _dataset(client: Client, name: str, asked: Sequence[Question]) -> list[Example]:
    """Make the dataset, or add to it what it lacks, and tag the version that holds all of it.

    An example's id comes from its content: one that changed is a new one, the old one stays in the
    versions before, and whoever compares experiments on a tag compares the same examples.
    """
    try:
        found = client.read_dataset(dataset_name=name)
    except LangSmithNotFoundError:
        found = client.create_dataset(name)
    there = {example.id for example in client.list_examples(dataset_id=found.id)}
    examples = [_example(question, found.id) for question in asked]
    if missing := [example for example in examples if example.id not in there]:
        splits = {question.session_id: question.split for question in asked}
        client.create_examples(
            dataset_id=found.id,
            examples=[
                {
                    "id": example.id,
                    "inputs": mask(example.inputs),
                    "reference_outputs": example.outputs,
                    "split": splits[str((example.inputs or {})["session_id"])],
                }
                for example in missing
            ],
        )
        version = client.read_dataset_version(dataset_id=found.id, as_of=datetime.now(UTC))
        client.update_dataset_tag(dataset_id=found.id, as_of=version.as_of, tag=_content(asked))
    return examples


def _example(question: Question, dataset: UUID) -> Example:
    now = datetime.now(UTC)
    return Example(
        id=uuid5(NAMESPACE_URL, f"{dataset}\0{_line(question)}"),
        dataset_id=dataset,
        inputs=example_inputs(question),
        outputs={"target": question.target},
        metadata={"dataset_split": [question.split]},
        created_at=now,
        modified_at=now,
    )


def _content(asked: Sequence[Question]) -> str:
    return hashlib.sha256("\n".join(sorted(map(_line, asked))).encode()).hexdigest()[:16]


def _line(question: Question) -> str:
    return json.dumps([question.session_id, question.inputs, question.target, question.split])
