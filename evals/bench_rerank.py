"""What reranking costs beside the model: own time per slate, and slates per second at once.

Run as `python -m re2llm.evals.bench_rerank`. A server on loopback, in a process of its own, answers
every question after a fixed time, so that the ideal number of slates per second is known. Beside
ours runs a bare client, which sends one and the same question's bytes and reads the answers' bytes:
what it misses of the ideal is the server's and the machine's.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from re2llm.evals.throughput import (
    Rate,
    bare,
    good_answer,
    in_processes,
    make_task,
    ours,
    serve,
)
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.rank_prompt import rank_messages
from re2llm.llm.ranking import RankAnswer
from re2llm.llm.reader import complete, read_answer

_AT_ONCE = (1, 16, 64, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTime:
    """Seconds of our own work on each of many slates."""

    prompt: list[float]
    reading: list[float]
    fusing: list[float]

    def words(self) -> str:
        """Say medians and the slowest tenth, in milliseconds."""
        parts = (("prompt", self.prompt), ("reading", self.reading), ("fusing", self.fusing))
        totals = [sum(slate) for slate in zip(*(part for _, part in parts), strict=True)]
        told = ", ".join(f"{name} {1e3 * statistics.median(part):.2f}" for name, part in parts)
        ninth = statistics.quantiles(totals, n=10)[-1]
        return f"{told}; in all {1e3 * statistics.median(totals):.2f} ms (p90 {1e3 * ninth:.2f} ms)"


def own_time(candidates: int, *, slates: int = 300, known: bool = False) -> OwnTime:
    """Time building prompts, reading answers and fusing, for slates of other items each.

    Args:
        candidates: of each slate.
        slates: so many.
        known: whether the items were shown before, as a shop's mostly were.
    """
    tasks = [make_task(candidates, series) for series in range(1, slates + 1)]
    text, fusion = good_answer(candidates), SlateFusion()
    made = OwnTime(prompt=[], reading=[], fusing=[])
    rank_messages(make_task(candidates))
    if known:
        for task in tasks:
            rank_messages(task)
    for task in tasks:
        ids = [one.item.item_id for one in task.candidates]
        titles = [one.item.title for one in task.candidates]
        start = time.perf_counter()
        rank_messages(task)
        asked = time.perf_counter()
        order, _ = complete(read_answer(text, titles), ids)
        read = time.perf_counter()
        fusion.fuse(task.candidates, RankAnswer(order=order, listed=len(order)))
        made.fusing.append(time.perf_counter() - read)
        made.reading.append(read - asked)
        made.prompt.append(asked - start)
    return made


def told(name: str, runs: Sequence[Rate], ideal: float) -> None:
    """Write one line of the table."""
    rates, work = sorted(run.rate for run in runs), min(run.work for run in runs)
    middle = statistics.median(rates)
    sys.stdout.write(
        f"{name}: {middle:7.1f} slates/s ({rates[0]:.1f} to {rates[-1]:.1f}), ideal {ideal:7.1f} "
        f"({middle / ideal:.0%}); {1e3 * work:.2f} ms of processor each, so that one core gives "
        f"{1 / work:.0f}/s at most\n"
    )
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    """Write a table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds per answer")
    parser.add_argument("--runs", type=int, default=3, help="of each throughput")
    parser.add_argument("--waves", type=int, default=40, help="slates per run, by those at once")
    parser.add_argument("--processes", type=int, default=2, help="that share the most at once")
    given = parser.parse_args(arguments)
    for known in (False, True):
        seen = "shown before" if known else "never shown before"
        made = own_time(given.candidates, known=known)
        sys.stdout.write(f"own time at {given.candidates} candidates, {seen}: {made.words()}\n")
    here, there = multiprocessing.Pipe()
    text = good_answer(given.candidates)
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, given.delay, text), daemon=True
    )
    process.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    for at_once in _AT_ONCE:
        slates, ideal = max(15, given.waves * at_once), at_once / given.delay
        for name, way in (("bare", bare), ("ours", ours)):
            runs = [
                asyncio.run(way(url, at_once, slates, given.candidates)) for _ in range(given.runs)
            ]
            told(f"{at_once:>4} at once, {name}", runs, ideal)
    several = [
        in_processes(url, given.processes, at_once, slates, given.candidates)
        for _ in range(given.runs)
    ]
    told(f"{at_once:>4} at once, ours in {given.processes} processes", several, ideal)
    process.terminate()
    process.join()


if __name__ == "__main__":
    main()
