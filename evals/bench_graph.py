"""What the graph itself costs, beside an empty four-node LangGraph in the same run.

Retriever and model answer at once, so that what is left is the machinery: intake, filters, the
choice of a hint, fusion, state, checkpoints. Run `python -m re2llm.evals.bench_graph`.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from numpy.typing import NDArray

from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.items import Catalog, Item
from re2llm.graph.builder import RecommendApp, Steps, build_graph
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.langsmith_client import untraced
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reflection import Failure, Reflection
from re2llm.nodes.reflect import Reflect
from re2llm.nodes.rerank import Rerank
from re2llm.nodes.retrieve import RetrieveCandidates
from re2llm.nodes.select_hint import SelectHint
from re2llm.policy.baselines import RandomPolicy

AT_ONCE = 32
Run = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one invocation took, in milliseconds, and how many a second there were."""

    name: str
    p50: float
    p99: float
    per_second: float


class InstantRetriever:
    """Hands out candidates that were made before."""

    def __init__(self, catalog: Catalog, limit: int = 50) -> None:
        """Make them, with the evidence and words that a real retriever gives."""
        sources = ("attributes", "neighbours", "popularity", "text", "together")
        noise = np.random.default_rng(0).normal(size=(limit, len(sources)))
        self._found = [
            Candidate(
                item=item,
                score=float(-place),
                evidence=dict(zip(sources, row.tolist(), strict=True)),
                notes=("often bought next", "popular now"),
            )
            for place, (item, row) in enumerate(zip(catalog.items[:limit], noise, strict=True))
        ]

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        """Return the same ones to everybody."""
        return [found for found in self._found[:n] if query.filters.allows(found.item)]

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        """Return those of them that are asked for."""
        wanted = set(item_ids)
        return [found for found in self.retrieve(query, 50) if found.item.item_id in wanted]


class InstantModel:
    """Reranks, fuses, reflects and admits without a thought."""

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Keep the order."""
        order = tuple(candidate.item.item_id for candidate in task.candidates)
        return RankAnswer(order=order, listed=len(order))

    def fuse(
        self,
        candidates: Sequence[Candidate],
        answer: RankAnswer,
        *,
        hinted: bool = False,  # noqa: ARG002
    ) -> list[tuple[str, float]]:
        """Add the places up."""
        places = {item_id: place for place, item_id in enumerate(answer.order)}
        scored = [(c.item.item_id, c.score - places[c.item.item_id]) for c in candidates]
        return sorted(scored, key=lambda pair: -pair[1])

    async def reflect(self, failure: Failure) -> Reflection:  # noqa: ARG002
        """Have no idea."""
        return Reflection()

    async def admit(self, *_: object, **__: object) -> list[Hint]:
        """Admit nothing."""
        return []


class FewNumbers:
    """An encoder that costs a hash."""

    identity = "few-numbers"
    dim = 64

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, 64) rows of length one."""
        rows = np.stack([np.random.default_rng(len(t)).normal(size=self.dim) for t in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def bench_steps(items: int, hints: int = 20) -> Steps:
    """Make the real steps around instant collaborators."""
    catalog = Catalog(
        Item(
            item_id=f"i{n}",
            title=f"Thing number {n} of the shop",
            attributes={"brand": f"brand {n % 97}", "category": ("Things", f"Kind {n % 13}")},
        )
        for n in range(items)
    )
    store = MemoryHintStore(FewNumbers())
    texts = [f"Prefer what {'really ' * n}fits the latest item." for n in range(hints)]
    store.put_all(
        [Hint(hint_id=hint_id(text), text=text, status=Status.ACTIVE) for text in texts],
        by="bench",
        why="to be chosen from",
    )
    model = InstantModel()
    return Steps(
        retrieve=RetrieveCandidates(catalog=catalog, retriever=InstantRetriever(catalog)),
        select=SelectHint(
            catalog=catalog, store=store, policy=RandomPolicy(), encoder=FewNumbers()
        ),
        rerank=Rerank(catalog=catalog, reranker=model, fusion=model),
        reflect=Reflect(catalog=catalog, reflector=model, admission=model),
    )


class EmptyState(TypedDict, total=False):
    """What the empty graph carries: as much as a small slate."""

    text: str
    numbers: list[int]


def empty_graph() -> Any:
    """Return four nodes in a row that do nothing; compile it as you like."""
    graph = StateGraph(EmptyState)

    async def nothing(state: EmptyState) -> EmptyState:
        return {"numbers": state["numbers"]}

    names = ["one", "two", "three", "four"]
    for name in names:
        graph.add_node(name, nothing)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    return graph


async def bench(steps: Steps, *, times: int, folder: Path) -> list[Timing]:
    """Time the graph and the empty one, one at a time and many at once, both ways of keeping."""
    timings = []
    for keeping in ("no checkpointer", "SQLite, durability exit"):
        async with _saver(folder / "bench.sqlite" if "SQLite" in keeping else None) as saver:
            empty = empty_graph().compile(checkpointer=saver)
            real: RecommendApp = build_graph(steps).compile(checkpointer=saver)
            for at_once in (1, AT_ONCE):
                runs: dict[str, Run] = {
                    "empty": _runner(empty, {"text": "x" * 300, "numbers": [1] * 50}, saver),
                    "re2llm": _runner(real, {"session": ["i3", "i7", "i11"], "k": 10}, saver),
                }
                for who, run in runs.items():
                    name = f"{who}, {at_once} at once, {keeping}"
                    timings.append(await _time(name, run, times, at_once))
    return timings


@asynccontextmanager
async def _saver(path: Path | None) -> AsyncIterator[AsyncSqliteSaver | None]:
    if path is None:
        yield None
        return
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        yield saver


def _runner(graph: Any, given: dict[str, object], saver: AsyncSqliteSaver | None) -> Run:
    name = f"{id(graph)}-{time.monotonic_ns()}"

    async def run(number: int) -> object:
        if saver is None:
            return await graph.ainvoke(given)
        config: RunnableConfig = {"configurable": {"thread_id": f"{name}-{number}"}}
        return await graph.ainvoke(given, config, durability="exit")

    return run


async def _time(name: str, run: Run, times: int, at_once: int) -> Timing:
    for number in range(20):
        await run(-1 - number)
    took: list[float] = []
    left = iter(range(times))

    async def work() -> None:
        for number in left:
            started = time.perf_counter()
            await run(number)
            took.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    whole = time.perf_counter() - started
    p50, p99 = np.percentile(np.array(took) * 1000, [50, 99])
    return Timing(name=name, p50=float(p50), p99=float(p99), per_second=times / whole)


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=1000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, untraced():
        steps = bench_steps(chosen.items)
        timings = asyncio.run(bench(steps, times=chosen.times, folder=Path(folder)))
    for timing in timings:
        sys.stdout.write(
            f"{timing.name:<48} p50 {timing.p50:8.2f} ms  p99 {timing.p99:8.2f} ms  "
            f"{timing.per_second:7.0f} per second\n"
        )
    for empty, real in zip(timings[::2], timings[1::2], strict=True):
        sys.stdout.write(f"{real.name:<48} {real.p50 / empty.p50:.2f} times the empty graph\n")


if __name__ == "__main__":
    main()
