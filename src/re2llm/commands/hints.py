"""Commands for people who look after the knowledge base: `re2llm hints ...`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError

if TYPE_CHECKING:
    from re2llm.kb_store.by_hand import Leak
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
    """List the hints, the best first, with their gain; those of one status also with the reason."""
    from re2llm.commands.hint_words import best_first
    from re2llm.commands.screen import console, plain_table
    from re2llm.kb_store.hint import Status

    if status is not None and status not in set(Status):
        raise UserError(f"no status {status!r}; there are {', '.join(Status)}")
    with opened_store(workspace) as (store, tenant):
        found = store.hints(tenant=tenant, status=None if status is None else [Status(status)])
    if not found:
        none = "No hints. Next: re2llm explore, or re2llm hints starter"
        console.print(none if status is None else f"No {status} hints.")
        return
    columns = ["id", "hint", "why"] if status else ["id", "status", "hint"]
    counts = ["shown", "helped", "hurt"] if any(hint.shown for hint in found) else []
    rows = [
        (
            hint.hint_id,
            *((hint.text, hint.reason) if status else (str(hint.status), hint.text)),
            f"{hint.evidence.gain:+.3f}" if hint.evidence.sessions else "",
            *(str(getattr(hint, name)) for name in counts),
        )
        for hint in sorted(found, key=best_first)
    ]
    columns += ["gain", *counts]
    console.print(plain_table(columns, rows, whole=("id", "status", "gain", *counts)))
    console.print(f"{len(found)} {'hint' if len(found) == 1 else 'hints'}", highlight=False)


@app.command()
def show(hint: HintArgument, workspace: WorkspaceOption = None) -> None:
    """Show one hint: what it says, where it came from, what was measured, by kind of session."""
    from rich.markup import escape

    from re2llm.commands.hint_words import counted, facts
    from re2llm.commands.screen import console
    from re2llm.kb_store.lineage import ancestry

    with opened_store(workspace) as (store, tenant):
        found = find_hint(store, hint, tenant)
        kinds = store.log.by_kind(found.hint_id, tenant=tenant)
        led = store.supporters(found.hint_id, tenant=tenant)
        parents = ancestry(store, found.hint_id, tenant=tenant)[1:]
    told = [("id", found.hint_id), *facts(found)]
    told += [
        (f"in {kind or 'unnamed'} sessions", counted(seen.shown, seen.helped, seen.hurt))
        for kind, seen in kinds.items()
    ]
    told += [("led to by", f"{led} independent sources")] if led else []
    told += [("out of", f"{old.hint_id}, {old.status}: {old.text}") for old in parents]
    for name, words in told:
        console.print(f"[bold]{escape(name)}[/bold]: {escape(words)}", highlight=False)


@app.command()
def add(
    text: Annotated[str, typer.Argument(help="One or two short imperative sentences.")],
    why: Annotated[str, typer.Option(help="For the record.")] = "added by a person",
    workspace: WorkspaceOption = None,
) -> None:
    """Add a hint of your own; it is active at once."""
    from re2llm.commands.screen import console
    from re2llm.kb_store import by_hand

    with opened_store(workspace) as (store, tenant):
        leak = names_of(workspace)
        new = by_hand.add(store, text, leak=leak, by=PERSON, why=why, tenant=tenant)
    console.print(f"Added: {new.hint_id}", highlight=False)


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
    from re2llm.kb_store.hint import Status

    with opened_store(workspace) as (store, tenant):
        found = find_hint(store, hint, tenant)
        off = Status.DISABLED
        moved = store.set_status(found.hint_id, off, by=PERSON, why=why, tenant=tenant)
    tell(moved)


@app.command()
def enable(
    hint: HintArgument,
    why: Annotated[str, typer.Option(help="For the record.")] = "switched on by a person",
    workspace: WorkspaceOption = None,
) -> None:
    """Switch a hint on, whatever it was before, unless it was refused for what it says."""
    from re2llm.kb_store import by_hand

    with opened_store(workspace) as (store, tenant):
        found = find_hint(store, hint, tenant)
        leak = names_of(workspace)
        moved = by_hand.enable(store, found.hint_id, leak=leak, by=PERSON, why=why, tenant=tenant)
    tell(moved)


def tell(hint: "Hint") -> None:
    """Say what a hint is now."""
    from re2llm.commands.screen import console

    console.print(f"{hint.hint_id} is {hint.status}: {hint.text}", markup=False, highlight=False)


def names_of(workspace: WorkspaceOption) -> "Leak":
    """Read what no hint may name here."""
    from re2llm.graph.knowledge import leak_filter
    from re2llm.settings import read_settings

    return leak_filter(read_settings(workspace=workspace)).fault


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
