"""Commands that serve one shopper: `recommend` and `feedback`."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from re2llm.errors import UserError

WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", "-w", help="The shop's folder. [default: shop]")
]


def recommend(
    session: Annotated[
        list[str] | None, typer.Argument(help="Item ids of the session, oldest first.")
    ] = None,
    request: Annotated[str | None, typer.Option("--request", "-r", help="The wish.")] = None,
    k: Annotated[int | None, typer.Option("--k", "-k", min=1, help="How many to show.")] = None,
    filters: Annotated[
        str | None, typer.Option("--filters", help='JSON, e.g. {"price": {"max": 50}}.')
    ] = None,
    hint: Annotated[str, typer.Option(help="`policy`, `none`, or a hint's id.")] = "policy",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Recommend items for one session, a wish in words, or both."""
    from dataclasses import asdict

    from re2llm.commands.screen import console, slate_table
    from re2llm.graph.app import Re2LLM
    from re2llm.graph.slate import Slate
    from re2llm.settings import read_settings

    limits = read_filters(filters)
    settings = read_settings(workspace=workspace)

    async def run() -> Slate:
        async with await Re2LLM.open(settings) as app:
            return await app.recommend(
                session or [], request=request, k=k, filters=limits, hint=hint
            )

    slate = asyncio.run(run())
    if as_json:
        typer.echo(json.dumps(asdict(slate), ensure_ascii=False))
        return
    console.print(slate_table(slate, settings.model_label))
    console.print(f"Tell what was taken: re2llm feedback {slate.id} ITEM", highlight=False)


def feedback(
    slate_id: Annotated[str, typer.Argument(help="The slate's id, as `recommend` printed it.")],
    chosen: Annotated[str | None, typer.Argument(help="The item taken; none if left out.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Tell what the shopper took; after an error the system reflects."""
    from re2llm.commands.screen import console, new_hints_table
    from re2llm.graph.app import Re2LLM
    from re2llm.graph.slate import Outcome
    from re2llm.settings import read_settings

    settings = read_settings(workspace=workspace)

    async def run() -> Outcome:
        async with await Re2LLM.open(settings) as app:
            return await app.feedback(slate_id, chosen=chosen)

    outcome = asyncio.run(run())
    if not outcome.error:
        console.print("Noted; no error, so nothing to reflect on.")
        return
    console.print("The slate had missed it; the system reflected.")
    for note in outcome.notices:
        console.print(f"- {note}", markup=False)
    if outcome.new_hints:
        console.print(new_hints_table(outcome.new_hints))


def read_filters(text: str | None) -> dict[str, object] | None:
    """Read limits written as JSON; raises `UserError` where they are none."""
    if text is None:
        return None
    try:
        read = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--filters is no JSON ({error.msg} at {error.pos}): {text!r}") from None
    if not isinstance(read, dict):
        raise UserError(f'--filters takes an object such as {{"brand": "Acme"}}, not {text!r}')
    return read
