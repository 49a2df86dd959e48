"""How the knowledge base came to be what it is, and the way back: more of `re2llm hints`."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.hint_upkeep import merge, upkeep
from re2llm.commands.hints import (
    PERSON,
    HintArgument,
    find_hint,
    names_of,
    opened_store,
    tell,
)
from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError

if TYPE_CHECKING:
    from re2llm.kb_store.hint import Hint

PointArgument = Annotated[str, typer.Argument(help="A snapshot's name, or an entry's number.")]


def show_log(
    hint: Annotated[str | None, typer.Argument(help="One hint; all if left out.")] = None,
    last: Annotated[int, typer.Option(help="How many entries.", min=1)] = 40,
    before: Annotated[
        int | None, typer.Option(help="Only entries before this one: pages back.", min=1)
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Show who changed what, when and why, the latest entries last."""
    from re2llm.commands.hint_words import deed, when
    from re2llm.commands.screen import console, plain_table

    with opened_store(workspace) as (store, tenant):
        hint_id = None if hint is None else find_hint(store, hint, tenant).hint_id
        entries = store.log.entries(tenant=tenant, hint_id=hint_id, before=before, limit=last)
        named = {each.seq: each.name for each in store.log.snapshots(tenant=tenant)}
    if not entries:
        console.print("The log holds nothing of that.")
        return
    rows = [
        (
            str(entry.seq),
            when(entry.at),
            entry.by,
            entry.hint_id[:9],
            deed(entry),
            entry.why + (f" [snapshot {named[entry.seq]!r}]" if entry.seq in named else ""),
        )
        for entry in entries
    ]
    columns = ("entry", "when (UTC)", "by", "hint", "what", "why")
    console.print(plain_table(columns, rows, whole=("entry", "when (UTC)", "hint", "what")))
    if entries[0].seq > 1 and len(entries) == last:
        console.print(f"Older: re2llm hints log --before {entries[0].seq}", highlight=False)


def diff(
    start: PointArgument,
    end: Annotated[str | None, typer.Argument(help="Another point; now if left out.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Show which hints differ between two points."""
    from re2llm.commands.screen import console, plain_table
    from re2llm.kb_store.history import diff as difference
    from re2llm.kb_store.history import point

    with opened_store(workspace) as (store, tenant):
        until = store.log.position() if end is None else point(store.log, end, tenant=tenant)
        changes = difference(
            store.log, point(store.log, start, tenant=tenant), until, tenant=tenant
        )
    if not changes:
        console.print("Nothing differs.")
        return
    rows = [
        (hint.hint_id, _status(change.before), _status(change.after), hint.text, hint.reason)
        for change in changes
        if (hint := change.after or change.before) is not None
    ]
    console.print(plain_table(("id", "before", "after", "hint", "why"), rows, whole=("id",)))


def snapshot(
    name: Annotated[str, typer.Argument(help="What to call this point.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Give the present point a name to come back to."""
    from re2llm.commands.screen import console

    with opened_store(workspace) as (store, tenant):
        made = store.log.snapshot(name, by=PERSON, tenant=tenant)
    console.print(f"Snapshot {made.name!r} is entry {made.seq}.", markup=False, highlight=False)


def rollback(
    to: PointArgument,
    why: Annotated[str, typer.Option(help="For the record.")] = "rolled back by a person",
    workspace: WorkspaceOption = None,
) -> None:
    """Put the hints back to how they stood at a point; nothing is deleted."""
    from re2llm.commands.screen import console
    from re2llm.kb_store.history import point
    from re2llm.kb_store.history import rollback as roll

    with opened_store(workspace) as (store, tenant):
        moved = roll(store, point(store.log, to, tenant=tenant), by=PERSON, why=why, tenant=tenant)
    many = "hint" if len(moved) == 1 else "hints"
    console.print(f"{len(moved)} {many} put back.", highlight=False)


def export(
    file: Annotated[Path, typer.Argument(help="Where the JSON goes.")],
    active: Annotated[bool, typer.Option("--active", help="Active hints alone.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the hints into a file, to keep or to carry to another shop."""
    from re2llm.commands.screen import console
    from re2llm.kb_store.exchange import export_hints
    from re2llm.kb_store.hint import Status

    with opened_store(workspace) as (store, tenant):
        text = export_hints(store, tenant=tenant, status=[Status.ACTIVE] if active else None)
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UserError(f"cannot write {str(file)!r}: {error.strerror}") from None
    console.print(f"Written: {file}", markup=False, highlight=False)


def import_file(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
    trust: Annotated[
        bool, typer.Option("--trust", help="Keep status and evidence; else all wait as candidates.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Read hints from a file; what has not the form, or names an item of this shop, stays out."""
    from re2llm.commands.screen import console
    from re2llm.graph.knowledge import leak_filter
    from re2llm.kb_store.exchange import import_hints
    from re2llm.settings import read_settings

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {str(file)!r}: {error}") from None
    with opened_store(workspace) as (store, tenant):
        leak = leak_filter(read_settings(workspace=workspace))
        found = import_hints(store, text, by=PERSON, tenant=tenant, trust=trust, leak=leak)
    console.print(
        f"{len(found.entered)} entered{'' if trust else ' as candidates'}, {found.known} were here "
        f"already, {found.unused} were not in use where they come from."
    )
    for fault in found.refused:
        console.print(f"- {fault}", markup=False)


def rebuild(workspace: WorkspaceOption = None) -> None:
    """Make the Chroma index anew from the audit log."""
    from re2llm.commands.screen import console
    from re2llm.graph.knowledge import open_store
    from re2llm.service.working import working
    from re2llm.settings import read_settings

    settings = read_settings(workspace=workspace)
    with working(settings, "rebuild"), closing(open_store(settings, rebuild=True)) as store:
        held = store.repaired
    console.print(f"The index holds {held} hints.", highlight=False)


def edit(
    hint: HintArgument,
    text: Annotated[str, typer.Argument(help="The new words.")],
    why: Annotated[str, typer.Option(help="For the record.")] = "reworded by a person",
    workspace: WorkspaceOption = None,
) -> None:
    """Give a hint new words; the old one is retired and stays on record."""
    from re2llm.kb_store import by_hand

    with opened_store(workspace) as (store, tenant):
        old = find_hint(store, hint, tenant).hint_id
        leak = names_of(workspace)
        new = by_hand.edit(store, old, text, leak=leak, by=PERSON, why=why, tenant=tenant)
    tell(new)


def review(workspace: WorkspaceOption = None) -> None:
    """Walk through the hints that wait, the best first: approve, disable or leave each."""
    from rich.markup import escape

    from re2llm.commands.hint_words import best_first, facts
    from re2llm.commands.screen import console
    from re2llm.kb_store.hint import Status

    moves = {"a": (Status.ACTIVE, "approved"), "d": (Status.DISABLED, "turned down")}
    with opened_store(workspace) as (store, tenant):
        waiting = store.hints(tenant=tenant, status=[Status.SHADOW, Status.CANDIDATE])
        for place, hint in enumerate(sorted(waiting, key=best_first), start=1):
            console.rule(f"{place} of {len(waiting)}")
            for name, words in facts(hint):
                console.print(f"[bold]{name}[/bold]: {escape(words)}", highlight=False)
            answer = ""
            while answer not in ("a", "d", "s", "q"):
                asked = "[a]pprove, [d]isable, [s]kip, [q]uit"
                answer = typer.prompt(asked, default="s").strip()[:1].lower()
            if answer == "q":
                break
            if answer in moves:
                status, done = moves[answer]
                why = f"{done} in review"
                store.set_status(hint.hint_id, status, by=PERSON, why=why, tenant=tenant)
    console.print("Review ended." if waiting else "Nothing waits.")


def _status(hint: "Hint | None") -> str:
    return "" if hint is None else str(hint.status)


COMMANDS: dict[str, Callable[..., None]] = {
    "log": show_log,
    "diff": diff,
    "snapshot": snapshot,
    "rollback": rollback,
    "export": export,
    "import": import_file,
    "rebuild": rebuild,
    "edit": edit,
    "merge": merge,
    "review": review,
    "upkeep": upkeep,
}
"""By what a person types after `re2llm hints`."""
