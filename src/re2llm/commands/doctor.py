"""`re2llm doctor`: what is configured, what is reachable, and how to mend what is not."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError

if TYPE_CHECKING:
    from re2llm.settings import Settings

Check = Callable[["Settings"], str]


def doctor(workspace: WorkspaceOption = None) -> None:
    """Check the workspace, the knowledge base, the policy and the model server."""
    from rich.markup import escape
    from rich.table import Table

    from re2llm.commands.screen import console
    from re2llm.settings import read_settings

    settings = read_settings(workspace=workspace)
    checks: dict[str, Check] = {
        "data": _data,
        "retrieval": _retrieval,
        "knowledge base": _hints,
        "policy": _policy,
        "model": _model,
    }
    table = Table(show_header=False, title=f"Workspace {settings.workspace}", title_justify="left")
    ill = False
    for name, check in checks.items():
        try:
            table.add_row("[green]well[/green]", name, escape(check(settings)))
        except UserError as error:
            ill = True
            table.add_row("[red]ill[/red]", name, escape(str(error)))
    console.print(table)
    raise typer.Exit(int(ill))


def _data(settings: "Settings") -> str:
    from re2llm.catalog.dataset import open_dataset
    from re2llm.workspace import Workspace

    workspace = Workspace(settings.workspace)
    workspace.require_data()
    dataset = open_dataset(workspace.data)
    sessions = (len(dataset.train_sessions), len(dataset.valid), len(dataset.test))
    return (
        f"{dataset.meta.name}: {len(dataset.catalog):,} items; {sessions[0]:,} sessions to learn "
        f"from, {sessions[1]:,} to validate, {sessions[2]:,} to test"
    )


def _retrieval(settings: "Settings") -> str:
    import time

    from re2llm.catalog.candidates import Query
    from re2llm.catalog.dataset import open_dataset
    from re2llm.graph.encoders import close_encoder, open_encoder
    from re2llm.graph.retrieval import open_retrieval
    from re2llm.workspace import Workspace

    workspace = Workspace(settings.workspace)
    workspace.require_data()
    encoder = open_encoder(settings, workspace)
    retriever = open_retrieval(workspace, open_dataset(workspace.data), encoder).retriever
    started = time.perf_counter()
    found = retriever.retrieve(Query(session=()), settings.candidates)
    milliseconds = (time.perf_counter() - started) * 1000
    close_encoder(retriever.encoder)
    return f"{len(found)} candidates for an empty session in {milliseconds:.1f} ms"


def _hints(settings: "Settings") -> str:
    from collections import Counter

    from re2llm.graph.knowledge import open_store

    store = open_store(settings)
    try:
        counts = Counter(str(hint.status) for hint in store.hints(tenant=settings.tenant))
        if not store.index_current:
            raise UserError(
                f"Chroma at {settings.chroma_url!r} does not answer: hints are read from the "
                "record alone, new ones wait for the index; start it, or correct RE2LLM_CHROMA_URL"
            )
        mended = f"; {store.repaired} entries of the index were mended" if store.repaired else ""
    finally:
        store.close()
    if not counts:
        return f"empty; `re2llm explore` fills it{mended}"
    return ", ".join(f"{count} {status}" for status, count in counts.most_common()) + mended


def _policy(settings: "Settings") -> str:
    from re2llm.catalog.hashing import HashingEncoder
    from re2llm.policy.saved import current, load_policy, read_card, versions
    from re2llm.workspace import Workspace

    folder = Workspace(settings.workspace).policy_of(settings.tenant)
    serving = current(folder)
    if serving is None:
        kept = versions(folder)
        if not kept:
            return "none trained, so no session gets a hint; `re2llm train` trains one"
        return f"none serves; the newest, {kept[-1]}, {read_card(folder, kept[-1]).gate}"
    encoder = HashingEncoder()
    load_policy(folder, encoder=encoder.identity, dim=encoder.dim)
    card = read_card(folder, serving)
    return f"{serving} ({card.origin.trainer}, {card.origin.created}) {card.gate}"


def _model(settings: "Settings") -> str:
    from dataclasses import replace

    from re2llm.graph.models import model_config, open_model
    from re2llm.llm.context_probe import find_context
    from re2llm.llm.model import close_chat_model
    from re2llm.llm.prices import find_price
    from re2llm.llm.probe import Probe, gives_prompts_back, probe, save_probe
    from re2llm.llm.score_model import close_score_model, open_score_model
    from re2llm.workspace import Workspace

    if settings.offline:
        return f"{settings.model_label}; set RE2LLM_MODEL (and RE2LLM_BASE_URL) for a real one"

    model, identity = open_model(settings, None)

    async def ask() -> tuple[Probe, str]:
        scores = open_score_model(model_config(settings))
        try:
            found = await probe(model)
            if found.problem is not None:
                return found, ""
            echo = await gives_prompts_back(scores)
            own = settings.base_url is not None
            context = await find_context(scores.server, settings.model, model, ask=own)
            return replace(found, echo=echo, context=context.tokens), context.words
        finally:
            await close_chat_model(model)
            await close_score_model(scores)

    found, context = asyncio.run(ask())
    where = settings.base_url or "OpenAI"
    if found.problem is not None:
        raise UserError(
            f"{settings.model!r} at {where} does not answer: {found.problem}; check that the "
            "server runs, RE2LLM_BASE_URL, RE2LLM_MODEL and RE2LLM_API_KEY"
        )
    workspace = Workspace(settings.workspace)
    if workspace.root.is_dir():
        save_probe(workspace.probes, identity, found)
    priced = find_price(settings.model, settings.prices) is not None
    price = "priced" if priced else "no price known, so cost is not counted"
    echo = "and" if found.echo else "but not"
    token = "gives" if found.logprobs else "does not give"
    forms = ", ".join(found.forms)
    answers = f"{settings.model} at {where}: answers in {found.seconds:.2f} s as {forms}"
    return f"{answers}; {token} token probabilities, {echo} those of prompts; {context}; {price}"
