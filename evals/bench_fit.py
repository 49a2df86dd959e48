"""`python -m re2llm.evals.bench_fit`: how long a conversation's turn looks for what meets a wish.

A synthetic shop; the same wishes answered from retrieval's arrays and item by item, side by side.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.filters import Filters, Range
from re2llm.catalog.hashing import HashingEncoder
from re2llm.catalog.items import Catalog
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.service.chat.gathered import read_lexicon
from re2llm.service.chat.lexicon import Lexicon
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.shelf import Shelf


def wishes(lexicon: Lexicon, count: int, seed: int) -> list[Memory]:
    """Draw wishes: a kind, a limit, a brand that is not wanted, a word that is not wanted."""
    chance = random.Random(seed)
    kinds = sorted(facet for facet in lexicon.counts if facet.attribute == "category")
    brands = sorted(facet for facet in lexicon.counts if facet.attribute == "brand")
    return [
        Memory(
            facets=(chance.choice(kinds),),
            ranges={"price": Range(None, float(chance.randint(10, 200)))},
            avoid=(chance.choice(brands),),
            avoid_words=(chance.choice(("black", "pro", "mini", "white")),),
        )
        for _ in range(count)
    ]


def by_arrays(shelf: Shelf, memory: Memory) -> int:
    """Count what meets a wish by retrieval's arrays."""
    return int(shelf.meeting(memory, ()).sum())


def one_by_one(catalog: Catalog, memory: Memory) -> int:
    """Count what meets a wish by looking at each item."""
    filters = Filters.parse(memory.filters())
    return sum(filters.allows(item) and memory.allows(item) for item in catalog)


def timed(ask: Callable[[Memory], int], asked: list[Memory]) -> tuple[list[int], list[float]]:
    """Return the answers, and milliseconds for each."""
    answers: list[int] = []
    taken: list[float] = []
    for memory in asked:
        started = time.perf_counter()
        answers.append(ask(memory))
        taken.append(1000 * (time.perf_counter() - started))
    return answers, taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--wishes", type=int, default=40)
    given = parser.parse_args()
    table = Table(
        "items", "arrays, ms", "item by item, ms", title="one wish, median (least to most)"
    )
    for items in given.items:
        with tempfile.TemporaryDirectory() as folder:
            write_shop(Path(folder), ShopPlan(items=items, sessions=300, seed=1))
            dataset = open_dataset(Path(folder))
        catalog = dataset.catalog
        encoder = HashingEncoder(64)
        shelf = Shelf.of(HybridRetriever.in_memory(catalog, dataset.train, encoder))
        asked = wishes(read_lexicon(catalog), given.wishes, seed=0)
        quick, arrays = timed(partial(by_arrays, shelf), asked)
        slow, plain = timed(partial(one_by_one, catalog), asked)
        if quick != slow:
            raise AssertionError("the arrays answer otherwise than the memory")
        told = (f"{median(ms):.1f} ({min(ms):.1f} to {max(ms):.1f})" for ms in (arrays, plain))
        table.add_row(f"{items:,}", *told)
    Console().print(table)


if __name__ == "__main__":
    main()
