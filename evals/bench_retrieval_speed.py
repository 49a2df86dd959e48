"""How fast candidates are found: a synthetic log, built, opened, and asked one and many at once.

Run `python -m re2llm.evals.bench_retrieval_speed --clicks 1000000 --items 100000`.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve.index import build_index, open_index
from re2llm.evals.synthetic_log import synthetic_catalog, synthetic_log

_SESSION = 5
"""Items of each session that asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Seconds to build and open, milliseconds per request, requests per second, sizes in MiB."""

    clicks: int
    items: int
    build: float
    disk: float
    opened: float
    p50: float
    p90: float
    p99: float
    processor: float
    alone: float
    together: float
    resident: float


def bench(clicks: int, items: int, *, requests: int, places: int, threads: int) -> Speed:
    """Measure one size."""
    catalog = synthetic_catalog(items)
    log = synthetic_log(clicks, items)
    encoder = LexicalEncoder.fit([item.title for item in catalog])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        start = time.perf_counter()
        build_index(path, catalog, log, encoder)
        build = time.perf_counter() - start
        disk = sum(file.stat().st_size for file in path.rglob("*.npy")) / 2**20
        start = time.perf_counter()
        retriever = open_index(path, catalog, encoder)
        opened = time.perf_counter() - start
        asking = list(synthetic_log(_SESSION * requests, items, seed=1))[:requests]
        seen = Filters(exclude_seen=True)
        queries = [
            Query(session=tuple(f"i{place}" for place in row[-_SESSION:]), filters=seen)
            for row in asking
        ]
        for query in queries[:50]:
            retriever.retrieve(query, places)
        taken = []
        worked = time.thread_time()
        for query in queries:
            start = time.perf_counter()
            retriever.retrieve(query, places)
            taken.append(time.perf_counter() - start)
        processor = 1000 * (time.thread_time() - worked) / len(queries)
        start = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda query: retriever.retrieve(query, places), queries))
        together = len(queries) / (time.perf_counter() - start)
    p50, p90, p99 = (1000 * np.quantile(taken, [0.5, 0.9, 0.99])).tolist()
    return Speed(
        clicks=clicks,
        items=items,
        build=build,
        disk=disk,
        opened=opened,
        p50=p50,
        p90=p90,
        p99=p99,
        processor=processor,
        alone=len(taken) / sum(taken),
        together=together,
        resident=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--places", type=int, default=50, help="candidates per request")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(arguments)
    for clicks in given.clicks:
        one = bench(
            clicks,
            given.items,
            requests=given.requests,
            places=given.places,
            threads=given.threads,
        )
        sys.stdout.write(
            f"{one.clicks:,} clicks, {one.items:,} items: build {one.build:.1f} s, "
            f"{one.disk:.0f} MiB on disk, open {1000 * one.opened:.0f} ms; "
            f"p50 {one.p50:.2f}, p90 {one.p90:.2f}, p99 {one.p99:.2f} ms, "
            f"{one.processor:.2f} ms of processor time each; "
            f"{one.alone:.0f} requests per second alone, {one.together:.0f} on {given.threads} "
            f"threads; peak {one.resident:.0f} MiB, building and catalogue included\n"
        )


if __name__ == "__main__":
    main()
