"""The commands that fill a workspace with a shop's own data: `re2llm ingest` and `rebuild`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.catalog.ingest.options import Rule
from re2llm.commands.serve import WorkspaceOption

if TYPE_CHECKING:
    from rich.table import Table
    from typer.models import OptionInfo

    from re2llm.catalog.ingest.report import IngestReport

_SHOWN = 5
"""Bad rows that are shown."""

_TABLES = "CSV and Parquet (usual names are found without these)"


def _column(what: str) -> "OptionInfo":
    option: OptionInfo = typer.Option(
        metavar="NAME", help=f"The column with {what}.", rich_help_panel=_TABLES
    )
    return option


def ingest(
    source: Annotated[Path, typer.Argument(help="A file or folder with items and sessions.")],
    workspace: WorkspaceOption = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="jsonl, recbole, hetrec, movielens, movielens-1m, amazon-2018, amazon-2023, csv "
            "or parquet; found out if left out.",
        ),
    ] = None,
    items_file: Annotated[
        Path | None,
        typer.Option(help="The table of items (CSV, Parquet), or the file of products (Amazon)."),
    ] = None,
    item_column: Annotated[str | None, _column("the item ids")] = None,
    user_column: Annotated[str | None, _column("the shoppers' ids")] = None,
    session_column: Annotated[str | None, _column("the session ids")] = None,
    time_column: Annotated[
        str | None, _column("the times: numbers since 1970, or ISO dates")
    ] = None,
    rating_column: Annotated[str | None, _column("the ratings")] = None,
    title_column: Annotated[str | None, _column("the titles")] = None,
    test_file: Annotated[
        str | None,
        typer.Option(help="JSON lines: the file with the test sessions, if not test.jsonl."),
    ] = None,
    rule: Annotated[
        Rule | None,
        typer.Option(help="What ends a session; if left out, what is usual for the format."),
    ] = None,
    gap_minutes: Annotated[float, typer.Option(help="The pause of the rule `gap`.")] = 30.0,
    max_length: Annotated[int, typer.Option(help="Items of a session that are kept.")] = 50,
    min_rating: Annotated[
        float | None, typer.Option(help="Interactions rated lower do not count.")
    ] = None,
    valid_share: Annotated[float, typer.Option(help="Share of sessions to validate on.")] = 0.1,
    test_share: Annotated[float, typer.Option(help="Share of sessions to test on.")] = 0.1,
    negatives: Annotated[
        int | None,
        typer.Option(help="Items drawn beside a target without published candidates."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of that draw.")] = 0,
    add: Annotated[
        bool, typer.Option("--add", help="Add to what is there: items, and sessions to learn from.")
    ] = False,
) -> None:
    """Read a shop's items and sessions; what was there before is replaced, or kept on failure."""
    from re2llm.catalog.ingest.add import add as run_add
    from re2llm.catalog.ingest.ingest import ingest as run_ingest
    from re2llm.catalog.ingest.options import Columns, IngestOptions
    from re2llm.commands.screen import console, progress
    from re2llm.settings import read_settings
    from re2llm.workspace import Workspace

    place = Workspace(read_settings(workspace=workspace).workspace)
    options = IngestOptions(
        format=form,
        test_file=test_file,
        items_file=items_file,
        columns=Columns(
            item=item_column,
            user=user_column,
            session=session_column,
            time=time_column,
            rating=rating_column,
            title=title_column,
        ),
        rule=rule,
        gap_minutes=gap_minutes,
        max_length=max_length,
        min_rating=min_rating,
        valid_share=valid_share,
        test_share=test_share,
        negatives=negatives,
        seed=seed,
    )
    with progress("reading") as report:
        result = (run_add if add else run_ingest)(source, place.data, options, report)
    console.print(_summary(result))
    for row in result.first_bad[:_SHOWN]:
        where = f"{row.file}, line {row.line}"
        console.print(f"  left out: {where}: {row.problem}", markup=False, highlight=False)
    if result.bad_rows > _SHOWN:
        console.print(f"  ... and {result.bad_rows - _SHOWN} more", highlight=False)


def rebuild(workspace: WorkspaceOption = None) -> None:
    """Fold added items and sessions into the data and its index; a running service takes it over.

    It happens by itself after thousands of changes; an index that is damaged is built anew.
    """
    from re2llm.commands.screen import console
    from re2llm.graph.encoders import open_encoder
    from re2llm.graph.rebuild import rebuild as run_rebuild
    from re2llm.settings import read_settings
    from re2llm.workspace import Workspace

    settings = read_settings(workspace=workspace)
    place = Workspace(settings.workspace)
    place.require_data()
    done = run_rebuild(place, open_encoder(settings, place))
    console.print("The index is whole." if done else "Another process rebuilds already.")


def _summary(report: "IngestReport") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"Read as {report.format} in {report.seconds:.1f} s",
        caption=escape(f"split: {report.split}\ncandidates: {report.candidates}"),
        caption_justify="left",
    )
    table.add_column("what")
    table.add_column("how many", justify="right")
    table.add_row("items", f"{report.items:,}")
    for name, count in report.sessions.items():
        table.add_row(f"{name} sessions", f"{count:,}")
    for name, count in report.counts.items():
        table.add_row(escape(name), f"{count:,}")
    table.add_row("bad rows, left out", f"{report.bad_rows:,}")
    return table
