"""How the knowledge base came to be what it is, and the way back: more of `re2llm hints`."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.hint_upkeep import merge, upkeep
from re2llm.commands.hints import PERSON, HintArgument, find_hint, opened_store
from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError

if TYPE_CHECKING:
    from re2llm.kb_store.hint import Hint

PointArgument = Annotated[str, typer.Argument(help="A snapshot's name, or an entry's number.")]


def show_log(
    hint: Annotated[str | None, typer.Argument(help="One hint; all if left out.")] = None,
    last: Annotated[int, typer.Option(help="How many entries.", min=1)] = 40,
    workspace: WorkspaceOption = None,
) -> None:
    """Show who changed what, when and why, the latest entries last."""
    from re2llm.commands.screen import console, plain_table

    with opened_store(workspace) as (store, tenant):
        hint_id = None if hint is None else find_hint(store, hint, tenant).hint_id
        entries = store.log.entries(tenant=tenant, hint_id=hint_id, limit=last)
        named = {snapshot.seq: snapshot.name for snapshot in store.log.snapshots()}
    rows = [
        (
            str(entry.seq),
            _time(entry.at),
            entry.by,
            str(entry.action),
            entry.hint_id[:9],
            str(entry.hint.status) if entry.hint else "",
            entry.why,
            named.get(entry.seq, ""),
        )
        for entry in entries
    ]
    columns = ("entry", "when (UTC)", "by", "what", "hint", "status", "why", "snapshot")
    console.print(plain_table(columns, rows, whole=("entry", "hint", "status")))


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
        until = store.log.position() if end is None else point(store.log, end)
        changes = difference(store.log, point(store.log, start), until, tenant=tenant)
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

    with opened_store(workspace) as (store, _):
        made = store.log.snapshot(name, by=PERSON)
    console.print(f"Snapshot {made.name!r} is entry {made.seq}.", highlight=False)


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
        moved = roll(store, point(store.log, to), by=PERSON, why=why, tenant=tenant)
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
    console.print(f"Written: {file}", highlight=False)


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
    from re2llm.service.working import working
    from re2llm.settings import read_settings

    with working(read_settings(workspace=workspace), "rebuild"), opened_store(workspace) as opened:
        held = opened[0].rebuild()
    console.print(f"The index holds {held} hints.", highlight=False)


def edit(
    hint: HintArgument,
    text: Annotated[str, typer.Argument(help="The new words.")],
    why: Annotated[str, typer.Option(help="For the record.")] = "reworded by a person",
    workspace: WorkspaceOption = None,
) -> None:
    """Give a hint new words; the old one is retired and stays on record."""
    from re2llm.commands.screen import console
    from re2llm.kb_store.lineage import edit as reword

    with opened_store(workspace) as (store, tenant):
        old = find_hint(store, hint, tenant)
        new = reword(store, old.hint_id, text, by=PERSON, why=why, tenant=tenant)
    console.print(f"{new.hint_id} is {new.status}: {new.text}", markup=False, highlight=False)


def review(workspace: WorkspaceOption = None) -> None:
    """Walk through the hints that wait, and approve, refuse or leave each."""
    from re2llm.commands.screen import console
    from re2llm.kb_store.hint import Status

    with opened_store(workspace) as (store, tenant):
        waiting = store.hints(tenant=tenant, status=[Status.CANDIDATE, Status.SHADOW])
        for place, hint in enumerate(waiting, start=1):
            console.rule(f"{place} of {len(waiting)}, {hint.status}")
            console.print(hint.text, markup=False, style="bold")
            console.print(hint.reason, markup=False)
            answer = typer.prompt("[a]pprove, [d]isable, [s]kip, [q]uit", default="s")[:1].lower()
            if answer == "q":
                break
            if answer in ("a", "d"):
                status = Status.ACTIVE if answer == "a" else Status.DISABLED
                why = f"{'approved' if answer == 'a' else 'turned down'} in review"
                store.set_status(hint.hint_id, status, by=PERSON, why=why, tenant=tenant)
    console.print("Nothing more waits." if not waiting else "Review ended.")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


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
