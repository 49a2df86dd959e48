"""Commands that learn: `explore` and `train`."""

from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.serve import WorkspaceOption
from re2llm.graph.trainers import Method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from re2llm.graph.exploration import Explored
    from re2llm.graph.folds import Fold
    from re2llm.graph.learn import Learnt
    from re2llm.graph.parts import Parts
    from re2llm.llm.usage import Usage

SessionsOption = Annotated[int, typer.Option(help="Training sessions to learn from.", min=1)]
SeedOption = Annotated[int | None, typer.Option(help="Of everything drawn by lot.")]
RayOption = Annotated[
    str | None, typer.Option(help="Ask on a Ray cluster: local, auto or ray://HOST:10001.")
]


def explore(
    sessions: SessionsOption = 500,
    hints: Annotated[int, typer.Option(help="Stop at so many active hints.", min=1)] = 20,
    patience: Annotated[
        int, typer.Option(help="Stop after so many reflections without a new hint.", min=1)
    ] = 25,
    max_calls: Annotated[int | None, typer.Option(help="Model calls to pay for at most.")] = None,
    seed: SeedOption = None,
    ray: RayOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let the model reflect on its errors in training sessions, and keep the hints that help."""
    from re2llm.commands.screen import console, notes, progress
    from re2llm.graph.exploration import Plan
    from re2llm.graph.explore import explore as run_exploration
    from re2llm.graph.models import run_with

    async def run(parts: "Parts") -> "Explored":
        notes.print(f"Model: {parts.settings.model_label}.")
        parts = await _fused(parts)
        folds = _folds(parts, sessions)
        plan = Plan(hints=hints, patience=patience)
        with progress("Ranking, then reflecting") as report:
            return await run_exploration(parts, folds, plan, report)

    with opened(workspace, max_calls=max_calls, seed=seed, ray=ray, work="explore") as parts:
        found = run_with(parts.owned, run(parts))
    for line in explored_lines(found):
        console.print(line, markup=False, highlight=False)
    if found.worth:
        best = max(range(len(found.worth)), key=lambda place: found.worth[place])
        console.print(
            f"Gain on held-out sessions: {found.worth[best]:+.4f} each with {best + 1} hints, "
            f"{found.worth[-1]:+.4f} with all {len(found.worth)}.",
            highlight=False,
        )
    console.print(f"Stopped: {found.ending}. {bill(found.usage)}", highlight=False)
    if found.active or found.shadow:
        console.print("Next: re2llm train", highlight=False)


def train(
    sessions: SessionsOption = 500,
    calls: Annotated[
        int,
        typer.Option(
            help="Rewards, of a session with a hint, to pay for at most. A quarter more finds the "
            "best hint for all; each session costs one order without a hint; judging costs more.",
            min=1,
        ),
    ] = 2000,
    method: Annotated[Method, typer.Option(help="How to learn.")] = "top-two",
    curve: Annotated[
        int, typer.Option(help="Points of the learning curve to measure; costs calls.", min=0)
    ] = 0,
    from_log: Annotated[
        bool,
        typer.Option(
            "--from-log/--no-log",
            help="Learn from served slates with feedback, too, as far as exploration chose.",
        ),
    ] = True,
    max_calls: Annotated[int | None, typer.Option(help="Model calls to pay for at most.")] = None,
    seed: SeedOption = None,
    ray: RayOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Learn which hint helps which session; the policy serves only if held-out sessions agree."""
    from re2llm.commands.screen import console, notes, progress
    from re2llm.evals.training_report import training_tables, write_training
    from re2llm.graph.learn import learn_policy
    from re2llm.graph.learning import TrainPlan
    from re2llm.graph.models import run_with
    from re2llm.graph.slate_log import read_slates
    from re2llm.graph.trainers import make_trainer

    async def run(parts: "Parts") -> "Learnt":
        notes.print(f"Model: {parts.settings.model_label}.")
        parts = await _fused(parts)
        folds = _folds(parts, sessions)
        plan = TrainPlan(
            trainer=make_trainer(method), calls=calls, static_calls=calls // 4, curve=curve
        )
        settings, log = parts.settings, None
        if from_log:
            log = await read_slates(
                parts.workspace.slates,
                parts.catalog,
                url=settings.database,
                tenant=settings.tenant,
            )
        with progress("Rewards") as report:
            return await learn_policy(parts, folds, parts.valid_cases(), plan, report, log)

    with opened(workspace, max_calls=max_calls, seed=seed, ray=ray, work="train") as parts:
        learnt = run_with(parts.owned, run(parts))
        tenant = parts.workspace.policy_of(parts.settings.tenant).name
        folder = parts.workspace.runs / f"train-{tenant}-{learnt.version}"
        written = write_training(learnt, folder, model_label=parts.settings.model_label)
    for table in training_tables(learnt):
        console.print(table)
    if learnt.logged:
        console.print(f"{learnt.logged} gains out of served slates were learnt from, too.")
    for hint in learnt.promoted:
        console.print(f"active now: {hint.text} ({hint.reason})", markup=False)
    console.print(f"Policy {learnt.words}", markup=False)
    console.print(
        f"{learnt.hints} hints; {learnt.paid} values measured, those without a hint included. "
        f"{bill(learnt.usage)}"
    )
    console.print(f"Pictures and numbers: {written[0].parent}", highlight=False)
    console.print("Next: re2llm evaluate", highlight=False)


def explored_lines(found: "Explored") -> "Iterator[str]":
    """Tell what an exploration brought, and what stood in its way."""
    beside = (
        (found.absent, "more had an item that was not among the candidates"),
        (found.unranked, "got no full answer of the model"),
    )
    rest = "".join(f", {count} {what}" for count, what in beside if count)
    yield f"{found.errors} of {found.sessions} sessions missed{rest}."
    if found.spared:
        yield f"In {found.spared} of them retrieval's evidence put the slate right all the same."
    if held := found.reflections - found.spared:
        yield (
            f"{held} reflections proposed {found.proposed} hints: {found.admitted} became active "
            f"and {found.shadow} wait as shadows for training to decide."
        )
    yield f"{found.active} hints are active now."
    if found.silent:
        yield f"In {found.silent} reflections the model wrote no hint; at last: {found.trouble}"
    if found.untried:
        yield f"{found.untried} could not be tried to the end; explore again to go on with them."
    if refused := found.proposed - found.admitted - found.shadow - found.untried:
        yield f"Why {refused} are not used: re2llm hints list --status refused"


@contextmanager
def opened(
    workspace: Path | None,
    *,
    max_calls: int | None = None,
    seed: int | None = None,
    work: str | None = None,
    ray: str | None = None,
) -> "Iterator[Parts]":
    """Open the workspace's parts, and close them; nothing inside is traced by itself.

    With `work`, a verb, no other process may do such work on a shared workspace meanwhile.
    """
    from re2llm.graph.opening import open_parts
    from re2llm.langsmith_client import untraced
    from re2llm.service.working import working
    from re2llm.settings import read_settings

    settings = read_settings(workspace=workspace, max_calls=max_calls, seed=seed, ray=ray)
    with working(settings, work) if work else nullcontext():
        parts = open_parts(settings, None)
        try:
            with untraced():
                yield parts
        finally:
            parts.close()


def bill(usage: "Usage") -> str:
    """Say what was paid."""
    money = f", money {usage.cost:.4f}" if usage.cost else ""
    tokens = usage.input_tokens + usage.output_tokens
    return f"Paid: {usage.calls:,} model calls, {tokens:,} tokens{money}."


async def _fused(parts: "Parts") -> "Parts":
    """Learn the slate's fusion weight where there is none yet."""
    from re2llm.commands.screen import progress
    from re2llm.graph.weigh import learn_fusion

    cases = parts.valid_cases()
    if not cases or parts.fusion.sessions:
        return parts
    with progress("Fusion weight") as report:
        return await learn_fusion(parts, cases, report)


def _folds(parts: "Parts", sessions: int) -> "list[Fold]":
    from re2llm.graph.folds import make_folds

    return make_folds(
        parts.dataset, parts.retriever, parts.case_maker, limit=sessions, seed=parts.settings.seed
    )
