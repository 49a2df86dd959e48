"""How long a sequence model takes to answer for one session, by the size of the catalogue.

Run `python -m re2llm.evals.bench_sequence_speed --items 10000 100000`. Weights are drawn by lot:
what they are makes no difference to the time.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from re2llm.catalog.neural.export import tensors_of
from re2llm.catalog.neural.networks import make_network
from re2llm.catalog.neural.plan import KINDS, Kind, Plan
from re2llm.catalog.neural.saved import ITEMS
from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.sparse import Ids
from re2llm.catalog.sessions import SessionLog

SESSION, NAMED = 10, 150
"""Items of a session, and how many likely ones are asked for, as retrieval does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Milliseconds per session.

    Attributes:
        processor: mean of the thread's own time, which others on the machine do not lengthen.
    """

    kind: Kind
    items: int
    p50: float
    p90: float
    processor: float


def measure(kind: Kind, items: int, sessions: int) -> Taken:
    """Ask a model of this kind for the likeliest items of random sessions."""
    model, draws = _by_lot(kind, items), np.random.default_rng(0)
    asked = [draws.integers(items, size=SESSION) for _ in range(sessions)]
    _answer(model, asked[0])
    taken = []
    worked = time.thread_time()
    for session in asked:
        start = time.perf_counter()
        _answer(model, session)
        taken.append(time.perf_counter() - start)
    processor = 1000 * (time.thread_time() - worked) / sessions
    p50, p90 = (1000 * np.quantile(taken, [0.5, 0.9])).tolist()
    return Taken(kind=kind, items=items, p50=p50, p90=p90, processor=processor)


def _answer(model: SequenceModel, session: Ids) -> None:
    point = model.point(session)
    if point is not None:
        model.best(point, NAMED)


def _by_lot(kind: Kind, items: int) -> SequenceModel:
    plan = Plan(kind=kind)
    network = make_network(plan, torch.randn(items, 192)).eval()
    tensors = tensors_of(network, SessionLog.from_sequences([[0, 1]]))
    vectors = tensors.pop(ITEMS)
    places = np.arange(items)
    return SequenceModel(
        kind=kind,
        heads=plan.heads,
        length=plan.length,
        tensors=tensors,
        items=vectors,
        rows=places,
        positions=places,
        identity="by lot",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--sessions", type=int, default=500)
    given = parser.parse_args(arguments)
    sys.stdout.write(f"{'model':<9}{'items':>10}{'p50 ms':>9}{'p90 ms':>9}{'processor ms':>14}\n")
    for items in given.items:
        for kind in KINDS:
            one = measure(kind, items, given.sessions)
            sys.stdout.write(
                f"{one.kind:<9}{one.items:>10,}{one.p50:>9.2f}{one.p90:>9.2f}{one.processor:>14.2f}\n"
            )


if __name__ == "__main__":
    main()
