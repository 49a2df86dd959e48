"""How fast candidates are found: a synthetic log is indexed, opened afresh, and asked.

Run `python -m re2llm.evals.bench_retrieval_speed --clicks 1000000 10000000 --items 1000000`.
What is asked runs in processes of its own, so that their memory is that of serving alone.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.retrieve.index import build_index, open_index
from re2llm.evals.synthetic_log import synthetic_catalog, synthetic_log

_SESSION = 5
"""Items of each session that asks."""
_ENCODER = "encoder.npz"
_WARM = 300


def build(place: Path, clicks: int, items: int) -> dict[str, float]:
    """Index a log; return seconds and MiB."""
    catalog = synthetic_catalog(items)
    log = synthetic_log(clicks, items)
    start = time.perf_counter()
    encoder = LexicalEncoder.fit([item.title for item in catalog])
    build_index(place, catalog, log, encoder, save=lambda at: encoder.save(at / _ENCODER))
    return {
        "build": time.perf_counter() - start,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "disk": sum(file.stat().st_size for file in place.iterdir()) / 2**20,
    }


def ask(place: Path, items: int, requests: int, places: int, threads: int) -> dict[str, float]:
    """Open an index in this fresh process and ask it; milliseconds, requests per second, MiB."""
    catalog = synthetic_catalog(items)
    before = _resident()
    start = time.perf_counter()
    retriever = open_index(place, catalog, lambda at: LexicalEncoder.load(at / _ENCODER))
    opened = time.perf_counter() - start
    queries = _queries(requests + _WARM, items)
    first = _timed(retriever, queries[:_WARM], places)
    queries = queries[_WARM:]
    worked = time.thread_time()
    taken = _timed(retriever, queries, places)
    processor = 1000 * (time.thread_time() - worked) / len(queries)
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda query: retriever.retrieve(query, places), queries))
    together = len(queries) / (time.perf_counter() - start)
    p50, p90, p99 = (1000 * np.quantile(taken, [0.5, 0.9, 0.99])).tolist()
    return {
        "opened": 1000 * opened,
        "first": 1000 * float(np.median(first)),
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "processor": processor,
        "alone": len(taken) / sum(taken),
        "together": together,
        "resident": _resident(),
        "catalogue": before,
        **_kinds(catalog, retriever, queries[:300], places),
    }


def _kinds(
    catalog: Catalog, retriever: HybridRetriever, queries: Sequence[Query], places: int
) -> dict[str, float]:
    """Return the median milliseconds of requests with words and with filters."""
    words = [
        Query(session=one.session, request=f"{catalog.items[n].title} not over 90")
        for n, one in enumerate(queries)
    ]
    few = [
        Query(session=one.session, filters=Filters.parse({"brand": f"brand{n}"}))
        for n, one in enumerate(queries)
    ]
    wide = [
        Query(session=one.session, filters=Filters.parse({"price": {"max": 100}}))
        for one in queries
    ]
    asked = {"words": words, "brand": few, "price": wide}
    return {
        name: 1000 * float(np.median(_timed(retriever, some, places)))
        for name, some in asked.items()
    }


def _queries(count: int, items: int) -> list[Query]:
    rows = list(synthetic_log(2 * _SESSION * count, items, seed=1))[:count]
    seen = Filters(exclude_seen=True)
    return [
        Query(session=tuple(f"i{place}" for place in row[-_SESSION:]), filters=seen) for row in rows
    ]


def _timed(retriever: HybridRetriever, queries: Sequence[Query], places: int) -> list[float]:
    taken = []
    for query in queries:
        start = time.perf_counter()
        retriever.retrieve(query, places)
        taken.append(time.perf_counter() - start)
    return taken


def _resident() -> float:
    """Return how much of this process is in memory now, in MiB; its peak where that is unknown."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(words: Sequence[str]) -> dict[str, float]:
    """Run this module in a process of its own and read what it says."""
    command = [sys.executable, "-m", "re2llm.evals.bench_retrieval_speed", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    said: dict[str, float] = json.loads(done.stdout)
    return said


def _many(words: Sequence[str], processes: int) -> float:
    """Return the requests per second of several processes, each asking alone at the same time."""
    found: list[dict[str, float]] = []
    threads = [
        threading.Thread(target=lambda: found.append(_apart(words))) for _ in range(processes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(one["alone"] for one in found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--places", type=int, default=50, help="candidates per request")
    parser.add_argument("--many", type=int, default=2, help="threads, and processes")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.build:
        sys.stdout.write(json.dumps(build(given.build, given.clicks[0], given.items)))
        return
    if given.ask:
        said = ask(given.ask, given.items, given.requests, given.places, given.many)
        sys.stdout.write(json.dumps(said))
        return
    for clicks in given.clicks:
        with tempfile.TemporaryDirectory() as folder:
            sizes = ["--items", str(given.items), "--clicks", str(clicks)]
            made = _apart(["--build", f"{folder}/index", *sizes])
            asking = ["--ask", f"{folder}/index", *sizes, "--requests", str(given.requests)]
            asking += ["--places", str(given.places), "--many", str(given.many)]
            one = _apart(asking)
            processes = _many(asking, given.many)
        sys.stdout.write(
            f"{clicks:,} clicks, {given.items:,} items: build {made['build']:.0f} s, peak "
            f"{made['peak']:.0f} MiB, {made['disk']:.0f} MiB on disk; open {one['opened']:.0f} ms; "
            f"p50 {one['p50']:.2f}, p90 {one['p90']:.2f}, p99 {one['p99']:.2f} ms, "
            f"{one['processor']:.2f} ms of processor time each (the first {_WARM}: "
            f"{one['first']:.2f} ms); {one['alone']:.0f} requests per second alone, "
            f"{one['together']:.0f} on {given.many} threads, {processes:.0f} in {given.many} "
            f"processes; with words {one['words']:.2f} ms, by brand {one['brand']:.2f}, by price "
            f"{one['price']:.2f}; resident {one['resident']:.0f} MiB, of which "
            f"{one['catalogue']:.0f} before the index was opened\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
