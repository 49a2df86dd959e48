"""Commands that keep the knowledge base small and clean: `re2llm hints merge` and `upkeep`."""

from typing import TYPE_CHECKING, Annotated

import typer

from re2llm.commands.hints import PERSON, HintArgument, find_hint, opened_store
from re2llm.commands.serve import WorkspaceOption

if TYPE_CHECKING:
    from re2llm.kb_store.hint import Hint


def merge(
    first: HintArgument,
    second: HintArgument,
    max_calls: Annotated[int | None, typer.Option(help="Model calls to pay for at most.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let the model join two active hints in one, if that gains no less on validation sessions."""
    from re2llm.commands.learn import bill, opened
    from re2llm.commands.screen import console, notes
    from re2llm.graph.merging import Merging
    from re2llm.graph.models import run_with

    with opened(workspace, max_calls=max_calls) as parts:
        notes.print(f"Model: {parts.settings.model_label}.")
        pair = [find_hint(parts.store, name, parts.settings.tenant) for name in (first, second)]
        join = Merging(parts=parts).join(pair[0], pair[1], by=PERSON)
        made = run_with(parts.owned, join)
        console.print(_merged(made), markup=False, highlight=False)
        console.print(bill(parts.client.budget.spent))


def upkeep(
    size: Annotated[
        int, typer.Option(help="Active hints to keep at most; 0 means all.", min=0)
    ] = 0,
    days: Annotated[
        float,
        typer.Option(help="Retire what was not shown for so many days; 0 means never.", min=0),
    ] = 180,
    merges: Annotated[
        int,
        typer.Option(
            "--merge", help="Join up to so many pairs that overlap; asks the model.", min=0
        ),
    ] = 0,
    max_calls: Annotated[int | None, typer.Option(help="Model calls to pay for at most.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Retire hints that nobody needs, that do harm, or that are too many; join those that overlap.

    The service does the first part by itself, now and then.
    """
    import time

    from re2llm.commands.screen import console
    from re2llm.kb_store.life import LifeRules, sweep

    rules = LifeRules(size=size, seconds_unshown=days * 86400)
    with opened_store(workspace) as (store, tenant):
        noted = store.log.last_noted(tenant=tenant)
        moved = sweep(store, rules, now=time.time(), last_noted=noted, tenant=tenant)
    for hint in moved:
        console.print(f"{hint.status}: {hint.text} ({hint.reason})", markup=False)
    many = "hint" if len(moved) == 1 else "hints"
    console.print(f"{len(moved)} {many} moved.", highlight=False)
    if not merges:
        return

    from re2llm.commands.learn import bill, opened
    from re2llm.graph.merging import Merging
    from re2llm.graph.models import run_with

    async def join(merging: Merging) -> "list[Hint | None]":
        pairs = await merging.overlapping(merges)
        return [await merging.join(first, second, by="upkeep") for first, second in pairs]

    with opened(workspace, max_calls=max_calls) as parts:
        made = run_with(parts.owned, join(Merging(parts=parts)))
        for one in made:
            console.print(_merged(one), markup=False, highlight=False)
        console.print(f"{len(made)} pairs overlapped. {bill(parts.client.budget.spent)}")


def _merged(made: "Hint | None") -> str:
    if made is None:
        return "The model wrote nothing that could take their place; both hints stay as they are."
    what = "took their place" if made.status == "active" else "was refused; both stay"
    return f"{made.text} ({made.hint_id}) {what}: {made.reason}."
