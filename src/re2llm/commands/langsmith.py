"""What goes to LangSmith: experiments, traces of served slates, and what shoppers took."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError

if TYPE_CHECKING:
    from langsmith import Client

    from re2llm.evals.offline import Experiment
    from re2llm.graph.parts import Parts


def send_feedback(
    dataset: Annotated[
        str | None, typer.Option(help="Also make the slates examples of this LangSmith dataset.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Send what shoppers took of served slates to LangSmith; sending again changes nothing."""
    from re2llm.commands.screen import console
    from re2llm.evals.langsmith_feedback import read_taken, send_taken
    from re2llm.settings import read_settings
    from re2llm.tracing import langsmith
    from re2llm.workspace import Workspace

    settings = read_settings(workspace=workspace)
    home = Workspace(settings.workspace)
    home.require_data()
    with langsmith(settings) as client:
        taken = asyncio.run(read_taken(home.slates, url=settings.database))
        sent = send_taken(client, taken, project=settings.langsmith_project, dataset=dataset)
    examples = f", {sent.examples} of them new examples of {dataset!r}" if dataset else ""
    console.print(f"Sent the feedback on {sent.slates} slates{examples}.", markup=False)


def evaluate_there(parts: "Parts", split: str, limit: int | None, dataset: str | None) -> None:
    """Run the serving policy as a LangSmith experiment and print its scores."""
    from re2llm.commands.screen import console, plain_table
    from re2llm.evals.langsmith_eval import run_langsmith
    from re2llm.evals.main_table import fingerprint, make_runner
    from re2llm.evals.offline import Target, questions
    from re2llm.evals.scores import standard
    from re2llm.policy.saved import current
    from re2llm.tracing import langsmith

    found = parts.dataset.test if split == "test" else parts.dataset.valid
    asked = questions([one for one in found[:limit] if one.target is not None], split=split)
    if not asked:
        raise UserError(f"no {split} session has a target; evaluation needs to know what came next")
    serves = current(parts.workspace.policy_of(parts.settings.tenant)) is not None
    target = Target(
        runner=make_runner(parts, parts.steps),
        hint="policy" if serves else None,
        facts={**fingerprint(parts), "tenant": parts.settings.tenant},
    )
    name = dataset or f"re2llm {parts.dataset.meta.name}, {len(asked)} {split} sessions"

    async def run(client: "Client") -> "Experiment":
        return await run_langsmith(
            target,
            asked,
            standard(parts.catalog),
            client=client,
            dataset=name,
            prefix="policy" if serves else "no hint",
            description=f"Model: {parts.settings.model_label}.",
            at_once=parts.settings.concurrency,
        )

    with langsmith(parts.settings) as client:
        experiment = asyncio.run(run(client))
    rows = [
        (key, f"{found.mean:.4f}", f"{found.low:.4f} to {found.high:.4f}")
        for key, found in experiment.summary.items()
    ]
    console.print(plain_table(("score", "mean", "95 % interval"), rows))
    console.print(
        f"Experiment {experiment.name!r} on dataset {name!r}, {len(asked)} sessions; "
        f"model: {parts.settings.model_label}.",
        markup=False,
        highlight=False,
    )
