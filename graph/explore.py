"""Reflective exploration: the model's errors on training sessions become hints."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.exploration import Ending, Explored, Plan
from re2llm.graph.folds import Fold
from re2llm.graph.parts import Parts
from re2llm.graph.successes import Successes
from re2llm.graph.walk import Report, Walk
from re2llm.kb_store.hint import Status


async def explore(parts: Parts, folds: Sequence[Fold], plan: Plan, report: Report) -> Explored:
    """Rank the folds' sessions, then reflect on errors, the most different ones first.

    Errors that an active hint is known to have repaired come last: what is served already teaches
    least.

    What was ranked right is learnt from too: each error is shown beside a similar session in which
    the item was found, by the plain question or thanks to a hint that was admitted before.

    Each fold is served by a retriever that has not seen its sessions. A second run pays for next to
    nothing: answers come from the cache, and a hint keeps its id; only what is asked about the
    knowledge base itself, which has grown since, is asked anew.
    """
    cases = [(fold, case) for fold in folds for case in fold.cases]
    successes = Successes(parts.measure)
    walk = Walk(parts, plan, [case for _, case in cases], successes, report)
    ranked = _Ranked()
    ending = Ending.ENOUGH
    if len(walk.active()) < plan.hints:
        ranked = await _rank(parts, cases, successes, report)
        ending = await walk.through(ranked.missed) if ranked.missed else _nothing(parts, ranked)
    return Explored(
        sessions=len(cases),
        errors=len(ranked.missed),
        absent=ranked.absent,
        unranked=ranked.unranked,
        reflections=walk.reflections,
        spared=walk.spared,
        silent=walk.silent,
        trouble=walk.trouble,
        proposed=walk.count(),
        admitted=walk.count(Status.ACTIVE),
        shadow=walk.count(Status.SHADOW),
        untried=walk.count(Status.CANDIDATE),
        active=len(walk.active()),
        ending=ending,
        usage=parts.client.budget.spent,
        worth=tuple(walk.worth),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    """The sessions that missed, the most different ones first, and how many tell nothing."""

    missed: Sequence[tuple[Fold, Case]] = ()
    absent: int = 0
    unranked: int = 0


async def _rank(
    parts: Parts,
    cases: Sequence[tuple[Fold, Case]],
    successes: Successes,
    report: Report,
) -> _Ranked:
    done = 0

    async def order(case: Case) -> list[str] | None:
        nonlocal done
        found = await parts.measure.order(case.task, None)
        done += 1
        report(done, len(cases))
        return found

    missed: list[tuple[Fold, Case]] = []
    absent = unranked = 0
    orders = await asyncio.gather(*(order(case) for _, case in cases))
    for (fold, case), ids in zip(cases, orders, strict=True):
        if ids is None:
            unranked += 1
        elif case.target not in ids:
            absent += 1
        elif case.target in ids[: case.task.k]:
            successes.plain(case, ids)
        else:
            missed.append((fold, case))
    first = farthest_first(np.stack([case.features for _, case in missed])) if missed else []
    return _Ranked(missed=[missed[place] for place in first], absent=absent, unranked=unranked)


def _nothing(parts: Parts, ranked: _Ranked) -> Ending:
    if parts.client.budget.refused:
        return Ending.BUDGET
    return Ending.SILENT if ranked.unranked else Ending.RIGHT


def farthest_first(points: NDArray[np.float32]) -> list[int]:
    """Order points so that each next one is farthest from all before; the most central one leads.

    Args:
        points: (n, features), any scale; each feature is standardised first.
    """
    spread = points.std(axis=0)
    scaled = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)
    nearest = np.full(len(points), np.inf)
    order = [int(np.square(scaled).sum(axis=1).argmin())]
    while len(order) < len(points):
        nearest = np.minimum(nearest, np.square(scaled - scaled[order[-1]]).sum(axis=1))
        nearest[order[-1]] = -1.0
        order.append(int(nearest.argmax()))
    return order
