"""Commands that judge: `evaluate` and `compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from re2llm.commands.learn import RayOption, SeedOption, bill, opened
from re2llm.commands.serve import WorkspaceOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from re2llm.catalog.sessions import Session
    from re2llm.evals.results import Facts
    from re2llm.graph.parts import Parts


def evaluate(
    split: Annotated[Literal["test", "valid"], typer.Option(help="Which sessions.")] = "test",
    limit: Annotated[int | None, typer.Option(help="At most so many sessions.", min=1)] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report.")] = None,
    max_calls: Annotated[int | None, typer.Option(help="Model calls to pay for at most.")] = None,
    seed: SeedOption = None,
    ray: RayOption = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            help="`published`, `full` (retrieved), a number (drawn), or a file; files are seeds."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Lists drawn per session.", min=1)] = 1,
    langsmith: Annotated[
        bool,
        typer.Option("--langsmith", help="Run the policy as a LangSmith experiment instead."),
    ] = False,
    dataset: Annotated[
        str | None, typer.Option(help="Name of the LangSmith dataset, made or reused.")
    ] = None,
    filters: Annotated[
        str | None, typer.Option(help="JSON limits that every LangSmith example asks for.")
    ] = None,
    off_policy: Annotated[
        bool,
        typer.Option(
            "--off-policy", help="Compare saved policies by what is on record; asks no model."
        ),
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Compare no hint, random, nearest, best static hint and the policy on held-out sessions."""
    there = langsmith or dataset is not None
    _refuse(
        off_policy,
        "--off-policy asks nothing anew",
        limit=limit, out=out, candidates=candidates, langsmith=there or None, filters=filters,
    )  # fmt: skip
    _refuse(
        there,
        "an experiment in LangSmith has one list of candidates per session, and its report there; "
        "run one for every seed",
        seeds=None if seeds == 1 and len(candidates or ()) < 2 else seeds, out=out,
    )  # fmt: skip
    _refuse(not there, "limits belong to the examples of a LangSmith dataset", filters=filters)
    if off_policy:
        _off_policy(workspace, seed)
        return
    if there:
        from re2llm.commands.langsmith import evaluate_there

        with opened(workspace, max_calls=max_calls, seed=seed, ray=ray) as parts:
            evaluate_there(parts, split, limit, dataset, filters, candidates or ())
        return
    from dataclasses import replace

    from re2llm.commands.screen import console, notes, progress
    from re2llm.evals.main_table import main_table, most_calls
    from re2llm.evals.protocols import apply
    from re2llm.evals.report import Report, make_report, write_report
    from re2llm.evals.report_text import terminal_table
    from re2llm.graph.models import run_with

    async def run(parts: "Parts") -> tuple[Report, Path]:
        found = parts.dataset.test if split == "test" else parts.dataset.valid
        judged = apply(found[:limit], candidates or (), parts.catalog, seeds=seeds)
        asked = judged.sessions
        folder = out or parts.workspace.runs / run_name(parts, split, asked)
        most = most_calls(parts, len(asked))
        notes.print(
            f"Model: {parts.settings.model_label}. At most about {most:,} model calls, less what "
            "the cache holds.",
            markup=False,
        )
        command = f"re2llm evaluate --split {split}" + (f" --limit {limit}" if limit else "")
        command += "".join(f" --candidates {one}" for one in candidates or ())
        command += f" --seeds {seeds}" if seeds > 1 else ""
        command += f" --seed {seed}" if seed is not None else ""
        with progress("Slates") as report:
            comparison = await main_table(
                parts,
                asked,
                facts=facts(parts, f"{split} sessions, {judged.words}", command, asked),
                journal_path=folder / "journal.jsonl",
                progress=report,
            )
        made = make_report(
            replace(comparison, groups=judged.groups, seeds=judged.seeds),
            sessions=asked,
            titles={item.item_id: item.title for item in parts.catalog},
            hints={hint.hint_id: hint.text for hint in parts.store.hints()},
            kinds=parts.workspace.read_kinds(),
        )
        return made, write_report(made, folder)

    with opened(workspace, max_calls=max_calls, seed=seed, ray=ray) as parts:
        report, page = run_with(parts.owned, run(parts))
        now = parts.client.budget.spent
    for table in report.tables:
        console.print(terminal_table(table))
    for finding in report.findings:
        console.print(f"- {finding}", markup=False)
    console.print(f"All of it: {bill(report.comparison.usage)} Now: {bill(now)}", highlight=False)
    console.print(f"Report: {page}", highlight=False)


def _refuse(when: bool, why: str, **given: object) -> None:
    """Refuse options that would be passed over.

    Raises:
        UserError: one of them was given.
    """
    from re2llm.errors import UserError

    if when and (named := [f"--{name}" for name, value in given.items() if value]):
        raise UserError(f"{why}; leave out {' and '.join(named)}")


def _off_policy(workspace: Path | None, seed: int | None) -> None:
    from re2llm.commands.screen import console
    from re2llm.evals.off_policy import compare_off_policy, off_policy_table
    from re2llm.graph.models import run_with

    with opened(workspace, seed=seed) as parts:
        found = run_with(parts.owned, compare_off_policy(parts))
    console.print(off_policy_table(found))
    for note in found.notes:
        console.print(f"- {note}", markup=False)


def compare(
    first: Annotated[
        Path, typer.Argument(help="Folder of a report or LangSmith experiment, the one there is.")
    ],
    second: Annotated[Path, typer.Argument(help="Folder of the run that would replace it.")],
    arm: Annotated[str | None, typer.Option(help="Which row; the policy's by default.")] = None,
    metric: Annotated[str, typer.Option(help="What decides.")] = "NDCG@10",
    judged: Annotated[
        Literal["slate", "model"], typer.Option(help="The fused slate, or the model's order alone.")
    ] = "slate",
) -> None:
    """Say which of two runs is better, by how much and how sure; exit code 1 if it got worse."""
    from re2llm.commands.screen import console
    from re2llm.errors import UserError
    from re2llm.evals.compare import compare as judge
    from re2llm.evals.compare import compare_experiments
    from re2llm.evals.metrics import metric_named
    from re2llm.evals.offline import load_experiment
    from re2llm.evals.saved import load_comparison

    kept = [folder / "experiment.json" for folder in (first, second)]
    there = [path.is_file() for path in kept]
    _refuse(all(there), "an experiment in LangSmith has one row, the slate's", arm=arm,
            judged=judged != "slate")  # fmt: skip
    by = metric_named(metric)
    if all(there):
        verdict = compare_experiments(*map(load_experiment, kept), key=by.name)
    elif any(there):
        raise UserError(
            f"{str(first)!r} and {str(second)!r} are of two kinds, a report and a LangSmith "
            "experiment; compare two of the same kind"
        )
    else:
        runs = [load_comparison(folder / "comparison.json") for folder in (first, second)]
        names = (first.name, second.name)
        verdict = judge(runs[0], runs[1], arm=arm, judged=judged, metric=by, names=names)
    console.print(verdict.sentence, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(verdict.exit_code)


def facts(parts: "Parts", data: str, command: str, asked: "Sequence[Session]") -> "Facts":
    """Say where an evaluation's numbers come from."""
    import time

    from re2llm.evals.main_table import fingerprint
    from re2llm.evals.provenance import provenance
    from re2llm.evals.results import Facts, model_label
    from re2llm.llm.prompts import prompt_files

    settings = parts.settings
    return Facts(
        title=f"Hints on {parts.dataset.meta.name}",
        data=f"{parts.dataset.meta.name}, {data}",
        model_label=model_label(settings.model, stand_in=settings.offline),
        command=command,
        seed=settings.seed,
        started=time.time(),
        more={
            **fingerprint(parts),
            "fusion weight": f"{parts.fusion.weight:g}, learnt on {parts.fusion.sessions} sessions",
            **provenance(parts.catalog, asked),
        },
        prompts=prompt_files(),
    )


def run_name(parts: "Parts", split: str, sessions: "Sequence[Session]") -> str:
    """Name a run by what it depends on, so that the same run goes on where it stopped."""
    import hashlib
    import json

    from re2llm.evals.main_table import fingerprint

    listed = [[one.session_id, one.candidates] for one in sessions]
    what = json.dumps([fingerprint(parts), listed], sort_keys=True)
    return f"evaluate-{split}-{len(sessions)}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"
