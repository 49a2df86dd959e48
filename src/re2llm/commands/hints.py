"""Commands for people who look after the knowledge base: `re2llm hints ...`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError

if TYPE_CHECKING:
    from re2llm.kb_store.chroma_store import ChromaHintStore
    from re2llm.kb_store.hint import Hint

app = typer.Typer(help="Look after the hints and their history.", no_args_is_help=True)

HintArgument = Annotated[str, typer.Argument(help="The hint's id, or its first letters.")]
PERSON = "command line"


@app.command("list")
def list_hints(
    status: Annotated[
        str | None, typer.Option(help="Only this status: active, shadow, refused, ...")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List the hints with their evidence; those of one status also with why they have it."""
    from rich.markup import escape
    from rich.table import Table

    from re2llm.commands.screen import console
    from re2llm.kb_store.hint import Status

    if status is not None and status not in set(Status):
        raise UserError(f"no status {status!r}; there are {', '.join(Status)}")
    with opened_store(workspace) as (store, tenant):
        found = store.hints(tenant=tenant, status=None if status is None else [Status(status)])
    table = Table(caption=f"{len(found)} hints")
    for name in ("id", "hint", "why") if status else ("id", "status", "hint"):
        table.add_column(name, no_wrap=name == "id")
    counted = status is None or any(hint.shown for hint in found)
    for name in ("gain", "shown", "helped", "hurt") if counted else ("gain",):
        table.add_column(name, justify="right")
    for hint in found:
        gain = f"{hint.evidence.gain:+.3f}" if hint.evidence.sessions else ""
        counts = (str(hint.shown), str(hint.helped), str(hint.hurt)) if counted else ()
        told = (hint.text, hint.reason) if status else (str(hint.status), hint.text)
        table.add_row(hint.hint_id, *map(escape, told), gain, *counts)
    console.print(table)


@app.command()
def show(hint: HintArgument, workspace: WorkspaceOption = None) -> None:
    """Show one hint: what it says, where it came from, what was measured, by kind of session."""
    from dataclasses import asdict

    from rich.markup import escape

    from re2llm.commands.screen import console
    from re2llm.kb_store.life import LifeRules, share_bounds

    with opened_store(workspace) as (store, tenant):
        found = find_hint(store, hint, tenant)
        kinds = store.log.by_kind(found.hint_id, tenant=tenant)
    for name, value in asdict(found).items():
        console.print(f"[bold]{name}[/bold]: {escape(str(value))}", highlight=False)
    rules = LifeRules()
    for kind, seen in kinds.items():
        low, high = share_bounds(seen.helped, seen.hurt, rules.confidence)
        console.print(
            f"[bold]in {kind or 'unnamed'} sessions[/bold]: shown {seen.shown}, helped "
            f"{seen.helped}, hurt {seen.hurt}; share of helped {low:.2f} to {high:.2f}",
            highlight=False,
        )


@app.command()
def add(
    text: Annotated[str, typer.Argument(help="One or two short imperative sentences.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Add a hint of your own; it is active at once."""
    import time

    from re2llm.commands.screen import console
    from re2llm.kb_store.form import form_fault
    from re2llm.kb_store.hint import Hint, Provenance, Status, hint_id

    if fault := form_fault(text):
        raise UserError(f"this is no hint: {fault}")
    with opened_store(workspace) as (store, tenant):
        new = Hint(
            hint_id=hint_id(text, tenant),
            text=text,
            status=Status.ACTIVE,
            tenant=tenant,
            provenance=Provenance(source="person", created=time.time()),
            reason="added by a person",
        )
        fresh = store.put(new, by=PERSON, why="added by a person")
    console.print(f"{'Added' if fresh else 'Already there, now active'}: {new.hint_id}")


@app.command()
def starter(
    active: Annotated[
        bool, typer.Option(help="Active at once; else shadows, which only training may activate.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Add general hints to begin with; what is known of a hint already stays as it is."""
    import time

    from re2llm.commands.screen import console
    from re2llm.kb_store.hint import Status
    from re2llm.kb_store.starter import STARTER, starter_hints

    status = Status.ACTIVE if active else Status.SHADOW
    with opened_store(workspace) as (store, tenant):
        new = [
            hint
            for hint in starter_hints(tenant, status, time.time())
            if store.get(hint.hint_id, tenant=tenant) is None
        ]
        store.put_all(new, by=PERSON, why="general hints to begin with")
    console.print(
        f"Added {len(new)} of {len(STARTER)} hints as {status}. Next: re2llm train", markup=False
    )


@app.command()
def disable(
    hint: HintArgument,
    why: Annotated[str, typer.Option(help="For the record.")] = "switched off by a person",
    workspace: WorkspaceOption = None,
) -> None:
    """Switch a hint off; it is never chosen until it is enabled again."""
    _switch(hint, "disabled", why, workspace)


@app.command()
def enable(
    hint: HintArgument,
    why: Annotated[str, typer.Option(help="For the record.")] = "switched on by a person",
    workspace: WorkspaceOption = None,
) -> None:
    """Switch a hint on, whatever it was before."""
    _switch(hint, "active", why, workspace)


def _switch(name: str, status: str, why: str, workspace: WorkspaceOption) -> None:
    from rich.markup import escape

    from re2llm.commands.screen import console
    from re2llm.kb_store.hint import Status

    with opened_store(workspace) as (store, tenant):
        found = find_hint(store, name, tenant)
        changed = store.set_status(found.hint_id, Status(status), by=PERSON, why=why, tenant=tenant)
    console.print(f"{changed.hint_id} is {changed.status}: {escape(changed.text)}")


def find_hint(store: "ChromaHintStore", start: str, tenant: str) -> "Hint":
    """Return the hint whose id begins so.

    Raises:
        UserError: there is none, or more than one.
    """
    matches = [hint for hint in store.hints(tenant=tenant) if hint.hint_id.startswith(start)]
    exact = [hint for hint in matches if hint.hint_id == start]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    what = f"{len(matches)} hints begin with" if matches else "no hint has the id"
    raise UserError(f"{what} {start!r}; `re2llm hints list` shows all ids")


@contextmanager
def opened_store(workspace: WorkspaceOption) -> "Iterator[tuple[ChromaHintStore, str]]":
    """Open the knowledge base, and name the tenant."""
    from re2llm.graph.knowledge import open_store
    from re2llm.settings import read_settings

    settings = read_settings(workspace=workspace)
    store = open_store(settings)
    try:
        yield store, settings.tenant
    finally:
        store.close()
