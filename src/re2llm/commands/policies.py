"""Commands for the saved policies: `re2llm policy ...`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError

if TYPE_CHECKING:
    from re2llm.settings import Settings

app = typer.Typer(
    help="See the trained policies, and choose which one serves.", no_args_is_help=True
)

NONE = "none"
"""Stands for no policy, so that no session gets a hint."""


@app.command("list")
def list_policies(workspace: WorkspaceOption = None) -> None:
    """List the saved policies, oldest first, with what the gate said of each."""
    from re2llm.commands.screen import console, plain_table
    from re2llm.policy.saved import current, versions
    from re2llm.settings import read_settings

    folder = _folder(read_settings(workspace=workspace))
    serving, saved = current(folder), versions(folder)
    if not saved:
        console.print("No policy is trained yet; `re2llm train` trains one.")
        return
    rows = [_row(folder, version, serves=version == serving) for version in saved]
    columns = ("policy", "", "method", "trained (UTC)", "gain", "with a hint", "the gate said")
    console.print(plain_table(columns, rows, whole=columns[:-1]))
    if serving is None:
        console.print("None serves, so no session gets a hint.")


@app.command()
def use(
    version: Annotated[str, typer.Argument(help=f"Of `re2llm policy list`, or `{NONE}`.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Let this policy serve, whatever the gate said; a running service takes it over."""
    from re2llm.catalog.hashing import HashingEncoder
    from re2llm.commands.screen import console
    from re2llm.policy.saved import current, load_policy, switch
    from re2llm.settings import read_settings

    folder = _folder(read_settings(workspace=workspace))
    before, wanted = current(folder), None if version == NONE else version
    if wanted is not None:
        encoder = HashingEncoder()
        load_policy(folder, encoder=encoder.identity, dim=encoder.dim, version=wanted)
    switch(folder, wanted)
    now = f"Policy {wanted} serves" if wanted else "No policy serves"
    console.print(f"{now}; before it was {before or NONE}.")


def _row(folder: Path, version: str, *, serves: bool) -> tuple[str, ...]:
    from re2llm.policy.saved import read_card

    first = (version, "serves" if serves else "")
    try:
        card = read_card(folder, version)
    except UserError as error:
        return (*first, "", "", "", "", str(error))
    gain = card.metrics.get("held-out gain over no hint")
    share = card.metrics.get("share of sessions with a hint")
    created = card.origin.created
    return (
        *first,
        card.origin.trainer,
        f"{datetime.fromisoformat(created):%Y-%m-%d %H:%M}" if created else "",
        "" if gain is None else f"{gain:+.4f}",
        "" if share is None else f"{share:.0%}",
        card.gate,
    )


def _folder(settings: "Settings") -> Path:
    from re2llm.workspace import Workspace

    workspace = Workspace(settings.workspace)
    workspace.require_data()
    return workspace.policy_of(settings.tenant)
