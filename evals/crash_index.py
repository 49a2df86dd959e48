"""Kill -9 while the retrieval index is rebuilt, many times: is the one that counts ever wrong?

Run `python -m re2llm.evals.crash_index --rounds 50`.
"""

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from re2llm.catalog.candidates import Query
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve.index import HybridRetriever, build_index, open_index
from re2llm.errors import UserError
from re2llm.evals.synthetic_log import synthetic_catalog, synthetic_log

_ITEMS = 2000
_CLICKS = 20_000
_LONGEST = 3.0
"""Seconds after its start by which a writer is killed: long enough for a build or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashes:
    """What was seen after each kill.

    Attributes:
        old: the index was the one before.
        new: the index was one that the killed writer had finished.
        wrong: it could not be opened, a file was not as written, or it answered otherwise than any
            whole index would.
    """

    old: int
    new: int
    wrong: int


def crash(folder: Path, rounds: int, seed: int = 0) -> Crashes:
    """Kill a writer in each round, at a moment drawn by lot, and look at what it left."""
    catalog = synthetic_catalog(_ITEMS)
    encoder = LexicalEncoder.fit([item.title for item in catalog])
    build_index(folder, catalog, synthetic_log(_CLICKS, _ITEMS, seed=0), encoder)
    draws = np.random.default_rng(seed)
    context = multiprocessing.get_context("spawn")
    whole = {
        _answers(
            HybridRetriever.in_memory(catalog, synthetic_log(_CLICKS, _ITEMS, seed=s), encoder)
        )
        for s in range(2)
    }
    old = new = wrong = 0
    before = _pointer(folder)
    for _ in range(rounds):
        ready = context.Event()
        writer = context.Process(target=_write_forever, args=(folder, ready))
        writer.start()
        ready.wait()
        writer.join(draws.uniform(0, _LONGEST))
        writer.kill()
        writer.join()
        try:
            sound = _answers(open_index(folder, catalog, encoder, thorough=True)) in whole
        except (UserError, OSError, ValueError):
            sound = False
        after = _pointer(folder)
        wrong += not sound
        old += sound and after == before
        new += sound and after != before
        before = after
    return Crashes(old=old, new=new, wrong=wrong)


def _write_forever(folder: Path, ready: "multiprocessing.synchronize.Event") -> None:
    catalog = synthetic_catalog(_ITEMS)
    encoder = LexicalEncoder.fit([item.title for item in catalog])
    ready.set()
    turn = 0
    while True:
        turn += 1
        build_index(folder, catalog, synthetic_log(_CLICKS, _ITEMS, seed=turn % 2), encoder)


def _answers(retriever: HybridRetriever) -> tuple[str, ...]:
    found = [retriever.retrieve(Query(session=(f"i{n}",)), 10) for n in range(0, 200, 20)]
    return tuple(one.item.item_id for row in found for one in row)


def _pointer(folder: Path) -> str:
    return (folder / "current.json").read_text(encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line; the exit status is 1 where an index was ever wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seen = crash(Path(folder), given.rounds)
    sys.stdout.write(
        f"{given.rounds} writers killed: the old index {seen.old} times, a new one {seen.new} "
        f"times, a wrong or missing one {seen.wrong} times\n"
    )
    sys.exit(seen.wrong > 0)


if __name__ == "__main__":
    main()
