"""`re2llm experiment`: a file's comparison, learnt and judged, with its bill before and after."""

from pathlib import Path
from typing import Annotated

import typer

from re2llm.commands.learn import RayOption, SeedOption, opened
from re2llm.commands.serve import WorkspaceOption

_SHARED = ("model", "prompts", "retrieval", "items", "judged sessions", "python", "libraries")
"""What of the workspace all variants share; hints, policy and weights are their own."""


def experiment(
    file: Annotated[
        str, typer.Argument(help="An experiment file, or the name of one in the package.")
    ],
    elsewhere: Annotated[
        Path | None,
        typer.Option("--from", help="Workspace that hints or a policy are taken over from."),
    ] = None,
    sessions: Annotated[
        int | None, typer.Option(help="Test sessions, in place of the file's number.", min=1)
    ] = None,
    scale: Annotated[
        float,
        typer.Option(help="Share of the file's sessions and rewards.", min=0.001),
    ] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Folder for the report.")] = None,
    max_calls: Annotated[int | None, typer.Option(help="Model calls to pay for at most.")] = None,
    seed: SeedOption = None,
    ray: RayOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Run an experiment; stopped, it goes on where it was, and a second run pays nothing."""
    from dataclasses import replace

    from re2llm.commands.judge import facts
    from re2llm.commands.screen import console, notes, progress
    from re2llm.evals.experiment import run_experiment
    from re2llm.evals.experiment_home import calls_left, experiment_folder
    from re2llm.evals.experiment_plan import read_plan
    from re2llm.evals.report import write_report
    from re2llm.evals.report_text import terminal_table
    from re2llm.graph.models import run_with

    plan = read_plan(file)
    with opened(workspace, max_calls=max_calls, seed=seed, ray=ray) as parts:
        plan = plan.at_scale(scale, train=len(parts.dataset.train))
        if sessions is not None:
            plan = plan.model_copy(update={"test": sessions})
        folder = experiment_folder(parts, plan, elsewhere)
        most = calls_left(parts, plan, folder)
        limit = "" if max_calls is None else f", {max_calls:,} of them allowed"
        notes.print(
            f"{plan.title}. Model: {parts.settings.model_label}. "
            f"At most about {most:,} model calls, less what the cache holds{limit}.",
            markup=False,
        )
        more = f" --from {elsewhere}" if elsewhere else ""
        more += f" --scale {scale:g}" if scale != 1 else ""
        more += f" --sessions {sessions}" if sessions is not None else ""
        more += f" --seed {seed}" if seed is not None else ""
        asked = parts.dataset.test[: plan.test]
        told = facts(parts, "test sessions", f"re2llm experiment {file}{more}", asked)
        about = {
            "about": plan.about,
            "calls estimated": f"at most {most:,}",
            **{f"variant {one.name!r}": one.recipe.words for one in plan.variants},
            **{name: told.more[name] for name in _SHARED},
        }
        told = replace(told, title=f"{plan.title}: {parts.dataset.meta.name}", more=about)
        made = run_with(
            parts.owned,
            run_experiment(parts, plan, folder, facts=told, tell=progress, elsewhere=elsewhere),
        )
        page = write_report(made.report, out or folder)
    # Whether the order given matters is a question about the model, not about the fused slate.
    for table in made.report.tables[-1:] if plan.shuffles else made.report.tables[:1]:
        console.print(terminal_table(table))
    for finding in made.report.findings:
        console.print(f"- {finding}", markup=False, highlight=False)
    console.print(
        f"Paid: {made.calls:,} model calls (at most {most:,} were expected). Report: {page}",
        markup=False,
        highlight=False,
    )
