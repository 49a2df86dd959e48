"""How fast the knowledge base is, beside plain Chroma over the same hints in the same run.

Run `python -m re2llm.evals.bench_kb --hints 10000`; `--crash 100` kills writers instead.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import chromadb
import numpy as np
from chromadb.api.types import Where
from chromadb.config import Settings

from re2llm.evals import crash_kb
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.store import Vector

_PAGE = 2000
_REBUILT = 20_000
"""Larger stores are not rebuilt here: it takes as long as writing them did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one operation took, in milliseconds."""

    name: str
    times: int
    p50: float
    p99: float


class ClusteredEncoder:
    """Unit vectors around a few hundred centres, as texts on few subjects have; costs nothing."""

    def __init__(self, dim: int = 384, centres: int = 300, seed: int = 0) -> None:
        """Draw the centres."""
        rng = np.random.default_rng(seed)
        self.dim = dim
        self.identity = f"clustered-{dim}"
        self._centres = rng.normal(size=(centres, dim)).astype(np.float32)
        self._noise = rng.normal(size=(1024, dim)).astype(np.float32)

    def encode(self, texts: Sequence[str]) -> Vector:
        """Return (texts, dim) rows of length one; the first number in a text decides."""
        numbers = np.array([int("".join(filter(str.isdigit, text)) or 0) for text in texts])
        mixed = (numbers * 7919) % 1024
        rows = self._centres[numbers % len(self._centres)] + 0.5 * self._noise[mixed]
        rows += 0.1 * self._noise[(numbers * 31 + 5) % 1024]
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def hints(n: int) -> list[Hint]:
    """Make n active hints of one tenant, and a tenth more of shadows and of another tenant each."""
    made: list[Hint] = []
    for number in range(n + 2 * (n // 10)):
        status = Status.SHADOW if n <= number < n + n // 10 else Status.ACTIVE
        tenant = "other" if number >= n + n // 10 else "shop"
        text = f"Prefer items of kind {number} when the session holds one of them."
        made.append(Hint(hint_id=hint_id(text, tenant), text=text, status=status, tenant=tenant))
    return made


def bench(n: int, folder: Path, *, repeats: int = 300) -> Iterator[Timing]:
    """Time the store with n active hints, then plain Chroma with the same records."""
    encoder = ClusteredEncoder()
    made = hints(n)
    queries = encoder.encode([f"{number}" for number in range(3, 3 + 13 * repeats, 13)])
    words = [f"kind {number}" for number in range(3, 3 + 13 * repeats, 13)]
    path = folder / "store"
    with ChromaHintStore(path, encoder) as store:
        with _once("store: put all") as done:
            store.put_all(made, by="bench", why="bench")
        yield done()
        store.eligible(tenant="shop")
        yield _many(
            "store: eligible, 64 nearest",
            lambda i: store.eligible(tenant="shop", near=queries[i], limit=64),
            repeats,
        )
        yield _many("store: eligible, all", lambda _: store.eligible(tenant="shop"), repeats)
        yield _many(
            "store: nearest 20, tenant and active",
            lambda i: store.nearest(words[i], 20, tenant="shop", status=[Status.ACTIVE]),
            repeats,
        )
        yield _many(
            "store: nearest 20, tenant and shadow",
            lambda i: store.nearest(words[i], 20, tenant="shop", status=[Status.SHADOW]),
            repeats,
        )
        yield _many(
            "store: list, tenant and shadow",
            lambda _: store.hints(tenant="shop", status=[Status.SHADOW]),
            repeats,
        )
        some = [hint for hint in made if hint.tenant == "shop"][:50]
        yield _many(
            "store: record",
            lambda i: store.record(some[i].hint_id, shown=1, tenant="shop"),
            50,
        )
        fresh = [
            Hint(hint_id=hint_id(text, "shop"), text=text, status=Status.ACTIVE, tenant="shop")
            for text in (f"Favour things of kind {number} over others." for number in range(50))
        ]
        yield _many("store: put one", lambda i: store.put(fresh[i], by="bench", why="one"), 50)
        yield _many(
            "store: first eligible after a put",
            lambda i: store.eligible(tenant="shop", near=queries[i], limit=64),
            30,
            before=lambda i: store.put(
                Hint(
                    hint_id=hint_id(f"Rank {i} now", "shop"),
                    text=f"Rank {i} now",
                    status=Status.ACTIVE,
                    tenant="shop",
                ),
                by="bench",
                why="one",
            ),
        )
        if n <= _REBUILT:
            with _once("store: rebuild") as done:
                store.rebuild()
            yield done()
    with _once("store: open") as done:
        store = ChromaHintStore(path, encoder)
    yield done()
    store.close()
    yield from _plain(made, encoder, queries, folder / "plain", repeats)


def _plain(
    made: list[Hint], encoder: ClusteredEncoder, queries: Vector, path: Path, repeats: int
) -> Iterator[Timing]:
    client = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))
    collection = client.create_collection(
        "plain", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )

    def upsert(part: Sequence[Hint]) -> None:
        collection.upsert(
            ids=[hint.hint_id for hint in part],
            embeddings=encoder.encode([hint.text for hint in part]),
            documents=[hint.text for hint in part],
            metadatas=[{"tenant": hint.tenant, "status": str(hint.status)} for hint in part],
        )

    def query(n: int, where: Where | None, row: int) -> None:
        collection.query(query_embeddings=queries[row : row + 1], n_results=n, where=where)

    with _once("Chroma: put all") as done:
        for start in range(0, len(made), _PAGE):
            upsert(made[start : start + _PAGE])
    yield done()
    query(20, None, 0)
    yield _many("Chroma: 64 nearest", partial(query, 64, None), repeats)
    yield _many("Chroma: 20 nearest", partial(query, 20, None), repeats)
    for status in ("active", "shadow"):
        where: Where = {"$and": [{"tenant": "shop"}, {"status": status}]}
        filtered = partial(query, 20, where)
        yield _many(f"Chroma: nearest 20, tenant and {status}", filtered, repeats)
    yield _many("Chroma: upsert one", lambda i: upsert(made[i : i + 1]), 50)


def _many(
    name: str,
    work: Callable[[int], object],
    times: int,
    *,
    before: Callable[[int], object] | None = None,
) -> Timing:
    spans: list[float] = []
    for number in range(times):
        if before is not None:
            before(number)
        start = time.perf_counter()
        work(number)
        spans.append(1000 * (time.perf_counter() - start))
    p50, p99 = np.percentile(spans, [50, 99])
    return Timing(name=name, times=times, p50=float(p50), p99=float(p99))


@contextmanager
def _once(name: str) -> Iterator[Callable[[], Timing]]:
    start = time.perf_counter()
    end: list[float] = []

    def done() -> Timing:
        span = 1000 * (end[0] - start)
        return Timing(name=name, times=1, p50=span, p99=span)

    yield done
    end.append(time.perf_counter())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hints", type=int, nargs="+", default=[10_000])
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--crash", type=int, metavar="ROUNDS", help="kill writers instead")
    options = parser.parse_args(arguments)
    if options.crash:
        return crash_kb.main(["--rounds", str(options.crash)])
    for n in options.hints:
        sys.stdout.write(f"\n| {n} active hints | times | p50 ms | p99 ms |\n|---|---|---|---|\n")
        with tempfile.TemporaryDirectory() as folder:
            for line in bench(n, Path(folder), repeats=options.repeats):
                sys.stdout.write(
                    f"| {line.name} | {line.times} | {line.p50:.2f} | {line.p99:.2f} |\n"
                )
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
