"""The work that `crash_learning` kills: each runs in its own process and tells what is done."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.graph.app import Re2LLM
from re2llm.graph.exploration import Plan
from re2llm.graph.explore import explore
from re2llm.graph.folds import make_folds
from re2llm.graph.opening import open_parts
from re2llm.kb_store.entry import Entry
from re2llm.kb_store.logged import LoggedHintStore
from re2llm.settings import STAND_IN, Settings
from re2llm.workspace import Workspace

OPEN = "open.txt"
"""Feedback that was begun and not answered, a line each: slate, item, source."""
Told = tuple[str, ...]


def settings_for(folder: Path) -> Settings:
    """Return the settings of the small shop."""
    return Settings(
        workspace=folder,
        model=STAND_IN,
        k=5,
        candidates=20,
        reflections_per_hour=10**9,
        reflections_per_source=10**9,
    )


def prepare(folder: Path) -> None:
    """Make a small shop, and its index."""
    write_shop(Workspace(folder).data, ShopPlan(items=300, sessions=500, seed=3))
    open_parts(settings_for(folder), None).close()


def _telling(store: LoggedHintStore, line: Connection) -> None:
    """Report each write once it is acknowledged."""
    commit = store._commit

    def told(entries: Sequence[Entry]) -> None:
        commit(entries)
        for entry in entries:
            line.send(name_of(entry))

    vars(store)["_commit"] = told


def name_of(entry: Entry) -> Told:
    """Name an entry as the work tells it."""
    return (str(entry.action), entry.hint_id, status_of(entry), entry.source)


def status_of(entry: Entry) -> str:
    """Return the status of the hint in it, if it holds one."""
    return str(entry.hint.status) if entry.hint else ""


def exploring(folder: Path, round_: int, line: Connection) -> None:
    """Explore from nothing."""
    settings = settings_for(folder)
    with closing(open_parts(settings, None)) as parts:
        _telling(parts.store, line)
        folds = make_folds(
            parts.dataset, parts.retriever, parts.case_maker, limit=40, seed=round_ % 5
        )
        line.send(("ready",))
        plan = Plan(hints=50, patience=100, flat=0)
        asyncio.run(explore(parts, folds, plan, lambda *_: None))


def reflecting(folder: Path, round_: int, line: Connection) -> None:
    """Give again what a crash cut off, then give feedback on one slate after the other."""

    async def run() -> None:
        async with await Re2LLM.open(settings_for(folder)) as app:
            _telling(app.parts.store, line)
            line.send(("ready",))
            open_ = folder / OPEN
            for old in open_.read_text().splitlines() if open_.exists() else []:
                slate, taken, source = old.split("\t")
                await app.feedback(slate, chosen=taken, source=source)
                line.send(("again", slate))
            sessions = app.parts.dataset.train_sessions
            for number in range(round_ * 7, round_ * 7 + 200):
                session = sessions[number % len(sessions)]
                if session.target is None:
                    continue
                slate_ = await app.recommend(
                    session.items, candidates=session.candidates, hint="none"
                )
                source = f"shopper {number}"
                line.send(("giving", slate_.id, session.target, source))
                outcome = await app.feedback(slate_.id, chosen=session.target, source=source)
                line.send(("given", slate_.id, *(hint["hint_id"] for hint in outcome.new_hints)))

    asyncio.run(run())
