"""What goes to LangSmith: experiments, traces of served slates, and what shoppers took."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.serve import WorkspaceOption, read_filters
from re2llm.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langsmith import Client

    from re2llm.catalog.filters import Filters
    from re2llm.evals.offline import Experiment
    from re2llm.graph.parts import Parts


def send_feedback(
    dataset: Annotated[
        str | None, typer.Option(help="Also make the slates examples of this LangSmith dataset.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Send all of it again, not only what is new.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Send what shoppers took of served slates since the last time to LangSmith."""
    from functools import partial

    from re2llm.commands.screen import console
    from re2llm.evals.langsmith_feedback import Marks, read_taken, send_taken
    from re2llm.langsmith_client import told_once
    from re2llm.settings import read_settings
    from re2llm.tracing import langsmith
    from re2llm.workspace import Workspace

    settings = read_settings(workspace=workspace)
    home = Workspace(settings.workspace)
    home.require_data()
    with told_once(), langsmith(settings) as client:
        marks = Marks(home.root / "langsmith-feedback.json")
        project = settings.langsmith_project
        where = " | ".join((settings.langsmith_endpoint or "cloud", project, dataset or ""))
        after = "" if anew else marks.read(where)
        taken = asyncio.run(read_taken(home.slates, url=settings.database, after=after))
        done = partial(marks.write, where)
        sent = send_taken(client, taken, project=project, dataset=dataset, done=done)
    examples = f", {sent.examples} of them new examples of {dataset!r}" if dataset else ""
    console.print(f"Sent the feedback on {sent.slates} slates{examples}.", markup=False)


def evaluate_there(
    parts: "Parts",
    split: str,
    limit: int | None,
    dataset: str | None,
    filters: str | None = None,
    candidates: "Sequence[str]" = (),
) -> None:
    """Run the serving policy as a LangSmith experiment and print its scores."""
    from re2llm.catalog.filters import Filters
    from re2llm.commands.screen import console, plain_table
    from re2llm.evals.langsmith_eval import run_langsmith
    from re2llm.evals.main_table import fingerprint, make_runner
    from re2llm.evals.offline import Target, questions, save_experiment
    from re2llm.evals.protocols import apply
    from re2llm.evals.scores import standard
    from re2llm.graph.models import run_with
    from re2llm.langsmith_client import told_once
    from re2llm.policy.saved import current
    from re2llm.tracing import langsmith

    found = parts.dataset.test if split == "test" else parts.dataset.valid
    limits = read_filters(filters)
    allowed = Filters.parse(limits)
    judged = apply(found[:limit], candidates, parts.catalog)
    meeting = [one for one in judged.sessions if _meets(parts, allowed, str(one.target))]
    asked = questions(meeting, split=split, filters=limits)
    if not asked:
        raise UserError(
            f"no {split} session has a target that meets the limits; evaluation needs to know what "
            "came next"
        )
    serves = current(parts.workspace.policy_of(parts.settings.tenant)) is not None
    target = Target(
        runner=make_runner(parts, parts.steps),
        hint="policy" if serves else None,
        facts={**fingerprint(parts), "tenant": parts.settings.tenant, "candidates": judged.words},
    )
    name = dataset or f"re2llm {parts.dataset.meta.name}, {len(asked)} {split} sessions"
    if candidates and dataset is None:
        name += f", {judged.words}"

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

    with told_once(), langsmith(parts.settings) as client:
        experiment = run_with(parts.owned, run(client))
    rows = [
        (key, f"{found.mean:.4f}", f"{found.low:.4f} to {found.high:.4f}")
        for key, found in experiment.summary.items()
    ]
    console.print(plain_table(("score", "mean", "95 % interval"), rows))
    kept = parts.workspace.runs / f"langsmith-{experiment.name}" / "experiment.json"
    save_experiment(experiment, kept, model=parts.settings.model_label)
    console.print(
        f"Experiment {experiment.name!r} on dataset {name!r}, {len(asked)} sessions; "
        f"model: {parts.settings.model_label}. Kept for `re2llm compare`: {kept.parent}",
        markup=False,
        highlight=False,
    )


def _meets(parts: "Parts", filters: "Filters", item_id: str) -> bool:
    """Say whether a target can be found at all under these limits."""
    item = parts.catalog.get(item_id)
    return item is not None and filters.allows(item)
