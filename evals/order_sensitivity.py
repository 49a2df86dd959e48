"""Whether the order in which candidates are written moves the model's order.

The same question is asked again with the candidates shuffled. A model that judges the items gives
the same order every time (Kendall's tau between its answers is 1), and its answer has nothing to do
with the order it was given (tau between the two is 0).
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.stats import kendalltau

from re2llm.catalog.sessions import Session
from re2llm.evals.bootstrap import Estimate, Values, estimate, resampled_means
from re2llm.evals.metrics import ranks
from re2llm.evals.results import Arm, Comparison, Facts
from re2llm.graph.cases import Case
from re2llm.graph.parts import Parts
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.usage import Usage

AS_RETRIEVED = "candidates as retrieved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffled:
    """A case under one order of its candidates, and what the model said."""

    task: RankTask
    answer: RankAnswer
    fused: tuple[str, ...]


async def in_other_orders(
    parts: Parts,
    sessions: Sequence[Session],
    *,
    shuffles: int,
    facts: Facts,
    report: Callable[[int, int], None],
) -> tuple[Comparison, list[str]]:
    """Ask without a hint, in the retrieval order and in others; one row per order.

    Returns:
        The rows, and what they say of order sensitivity and position bias, in sentences.
    """
    cases = parts.case_maker.make(sessions, parts.retriever)
    done = 0

    async def ask(case: Case, number: int) -> Shuffled:
        nonlocal done
        task = shuffled(case, number, parts.settings.seed)
        async with parts.slots:
            answer = await parts.reranker.rerank(task)
        done += 1
        report(done, len(cases) * (shuffles + 1))
        fused = tuple(item_id for item_id, _ in parts.fusion.fuse(task.candidates, answer))
        return Shuffled(task=task, answer=answer, fused=fused)

    rows = [
        list(await asyncio.gather(*(ask(case, number) for case in cases)))
        for number in range(shuffles + 1)
    ]
    targets = [case.target for case in cases]
    names = [AS_RETRIEVED, *(f"shuffle {number}" for number in range(1, shuffles + 1))]
    comparison = Comparison(
        facts=facts,
        session_ids=tuple(case.session.session_id for case in cases),
        targets=tuple(targets),
        arms=tuple(_arm(name, row, targets) for name, row in zip(names, rows, strict=True)),
    )
    return comparison, [*_said(rows)]


def shuffled(case: Case, number: int, seed: int) -> RankTask:
    """Return the case's question with its candidates in the order of this number; 0 is as given."""
    if number == 0:
        return case.task
    lot = hashlib.blake2b(f"{seed}\0{number}\0{case.key}".encode(), digest_size=8).digest()
    order = np.random.default_rng(int.from_bytes(lot)).permutation(len(case.task.candidates))
    return replace(case.task, candidates=tuple(case.task.candidates[place] for place in order))


def agreement(first: Sequence[str], second: Sequence[str]) -> float:
    """Return Kendall's tau between two orders of the same items; 1 is the same order."""
    places = {item_id: place for place, item_id in enumerate(second)}
    return float(kendalltau(range(len(first)), [places[one] for one in first]).statistic)


def _said(rows: Sequence[Sequence[Shuffled]]) -> list[str]:
    """Say how the answers agree with each other, and with the orders that were given."""
    same, copied = [], []
    for asked in zip(*rows, strict=True):
        whole = [one for one in asked if one.answer.degraded is None and len(one.fused) > 1]
        orders = [one.answer.order for one in whole]
        pairs = [agreement(a, b) for a, b in combinations(orders, 2)]
        given = [
            agreement([one.item.item_id for one in asking.task.candidates], asking.answer.order)
            for asking in whole
            if asking.task is not asked[0].task
        ]
        if pairs and given:
            same.append(float(np.mean(pairs)))
            copied.append(float(np.mean(given)))
    if not same:
        return ["No session was answered in full under two orders; nothing can be said."]
    return [
        f"Kendall's tau between the model's answers to the same candidates in different orders is "
        f"{_mean(same)}; 1 would mean that the order given does not matter ({len(same)} sessions).",
        f"Kendall's tau between the shuffled order given and the answer is {_mean(copied)}; 0 "
        "would mean no position bias, 1 that the list is copied.",
    ]


def _mean(values: Sequence[float]) -> str:
    column: Values = np.array(values)[:, None]
    found: Estimate = estimate(float(column.mean()), resampled_means(column)[:, 0])
    return f"{found.mean:.3f} (95 % interval {found.low:.3f} to {found.high:.3f})"


def _arm(name: str, row: Sequence[Shuffled], targets: Sequence[str]) -> Arm:
    orders = [one.answer.order for one in row]
    return Arm(
        name=name,
        asks=True,
        ranks={
            "slate": ranks([one.fused for one in row], targets),
            "model": ranks(orders, targets),
        },
        shown=tuple(one.fused[:10] for one in row),
        hint_ids=(None,) * len(row),
        degraded=tuple(one.answer.degraded for one in row),
        usage=sum((one.answer.usage for one in row), Usage()),
    )
