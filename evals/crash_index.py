"""Kill -9 while items change, sessions come in and the index is rebuilt: is anything ever wrong?

Run `python -m re2llm.evals.crash_index --rounds 50`.
"""

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from re2llm.catalog.additions import Additions
from re2llm.catalog.candidates import Query
from re2llm.catalog.changes import Change, Visit, read_changes
from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Item
from re2llm.catalog.retrieve.index import HybridRetriever, check_index
from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.errors import UserError
from re2llm.graph.rebuild import rebuild
from re2llm.graph.retrieval import open_retrieval, place_of
from re2llm.graph.stock import Stock
from re2llm.workspace import Workspace

_PLAN = ShopPlan(items=400, sessions=200)
_LONGEST = 2.5
"""Seconds after its first change by which a writer is killed: long enough for a rebuild or two."""
_PER_REBUILD = 4
"""Changes between two rebuilds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashes:
    """What was seen after each kill.

    Attributes:
        rebuilt: rounds in which the index that counts was another one than before.
        acknowledged: changes that were told to be done.
        lost: of these, changes that were not there, or older than told.
        wrong: rounds whose index was missing, not as written, or answered otherwise than one that
            is built of the same data in memory.
    """

    rebuilt: int
    acknowledged: int
    lost: int
    wrong: int


def crash(folder: Path, rounds: int, seed: int = 0) -> Crashes:
    """Kill a writer in each round, at a moment drawn by lot, and look at what it left."""
    workspace = Workspace(folder)
    write_shop(workspace.data, _PLAN)
    place = open_retrieval(workspace, open_dataset(workspace.data)).place
    draws = np.random.default_rng(seed)
    context = multiprocessing.get_context("spawn")
    done: dict[str, int] = {}
    rebuilt = lost = wrong = told = 0
    for turn in range(rounds):
        heard, tell = context.Pipe(duplex=False)
        writer = context.Process(target=_write_forever, args=(folder, turn, tell))
        writer.start()
        tell.close()
        done.update([heard.recv()])
        writer.join(draws.uniform(0, _LONGEST))
        writer.kill()
        writer.join()
        told += 1 + _drain(heard, done)
        sound, missing = _look(workspace, done)
        wrong += not sound
        lost += missing
        now = place_of(workspace, open_dataset(workspace.data))
        rebuilt += now != place
        place = now
    return Crashes(rebuilt=rebuilt, acknowledged=told, lost=lost, wrong=wrong)


def _write_forever(folder: Path, turn: int, tell: Connection) -> None:
    """Change items and sessions; tell each item and its number once it is kept."""
    workspace = Workspace(folder)
    stock = Stock(workspace, open_dataset(workspace.data))
    step = 0
    while True:
        step += 1
        number = 1000 * (turn + 1) + step
        item_id = f"new-{step % 40}"
        title = f"Zebra telescope {number}"
        visit = Visit(session_id=f"v{number}", items=(item_id, "S00001"), timestamp=9e9 + number)
        item = Item(item_id=item_id, title=title, attributes={"number": number})
        stock.change(Change(items=(item,), sessions=(visit,)))
        tell.send((item_id, number))
        if step % _PER_REBUILD == 0:
            rebuild(workspace)
            stock.refresh()


def _drain(heard: Connection, done: dict[str, int]) -> int:
    count = 0
    try:
        while True:
            done.update([heard.recv()])
            count += 1
    except (EOFError, OSError):
        return count


def _look(workspace: Workspace, done: dict[str, int]) -> tuple[bool, int]:
    """Say whether the index that counts is right, and how many acknowledged changes are missing."""
    dataset = open_dataset(workspace.data)
    try:
        check_index(place_of(workspace, dataset))
    except UserError:
        return False, 0
    stock = Stock(workspace, dataset)
    missing = sum(_number(stock, item_id) < number for item_id, number in done.items())
    whole = open_dataset(workspace.data)
    log = read_changes(whole.state.files)[0] if whole.state else []
    made = HybridRetriever.in_memory(whole.catalog, whole.train, stock.retriever.encoder)
    additions = Additions()
    additions.apply(whole.catalog, log)
    made = additions.over(made.with_weights(stock.retriever.weights), whole)
    return _answers(stock.retriever) == _answers(made), missing


def _number(stock: Stock, item_id: str) -> float:
    item = stock.catalog.get(item_id)
    only = Filters.parse({"number": float(str(item.attributes["number"]))}) if item else Filters()
    found = stock.retrieve(Query(session=(), filters=only), 3) if item else []
    if item is None or [one.item for one in found] != [item]:
        return -1.0
    return float(str(item.attributes["number"]))


def _answers(retriever: HybridRetriever) -> list[tuple[str, float]]:
    ids = [item.item_id for item in retriever.catalog][::40]
    rows = [retriever.retrieve(Query(session=(item_id,)), 10) for item_id in ids]
    return [(one.item.item_id, round(one.score, 6)) for row in rows for one in row]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line; the exit status is 1 where anything was wrong or lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seen = crash(Path(folder), given.rounds, given.seed)
    sys.stdout.write(
        f"{given.rounds} writers killed: the index was another one {seen.rebuilt} times, wrong or "
        f"missing {seen.wrong} times; of {seen.acknowledged} acknowledged changes {seen.lost} "
        "were lost\n"
    )
    sys.exit(bool(seen.wrong or seen.lost))


if __name__ == "__main__":
    main()
