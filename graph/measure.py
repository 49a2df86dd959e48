"""What a hint is worth on a case: the slate's metric with the hint minus without."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from re2llm.graph.cases import Case
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.nodes.protocols import Fusion, Reranker

Known = dict[tuple[int, str | None], tuple[RankTask, RankAnswer]]
"""Answers by the identity of the task, which is kept so that nothing else can take its place."""

DEPTH = 10
"""So many places count at least."""
_KNOWN = 100_000


def reciprocal_log_rank(order: Sequence[str], target: str, k: int) -> float:
    """Return NDCG@k with one relevant item: 1 / log2(rank + 1), or 0 below place k."""
    places = order[:k]
    return 1 / math.log2(places.index(target) + 2) if target in places else 0.0


def depth(k: int) -> int:
    """Say how many places count in rewards: a short slate alone would tell too little."""
    return max(k, DEPTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Asks the very reranker that serves, and scores what it says.

    Attributes:
        on: `slate` judges the fused slate as served, `model` the model's order alone.
        slots: how many questions may be out at once.
        known: answers that this process has, by the very task and the hint; an answer that is not
            whole is asked for again.
    """

    reranker: Reranker
    fusion: Fusion
    on: Literal["slate", "model"]
    slots: asyncio.Semaphore
    known: Known = field(default_factory=dict)

    async def answer(self, task: RankTask, hint: str | None) -> RankAnswer:
        """Ask with this hint."""
        key = (id(task), hint)
        if key in self.known:
            return self.known[key][1]
        async with self.slots:
            answer = await self.reranker.rerank(replace(task, hint=hint))
        if answer.degraded is None:
            if len(self.known) >= _KNOWN:
                self.known.clear()
            self.known[key] = task, answer
        return answer

    async def order(self, task: RankTask, hint: str | None) -> list[str] | None:
        """Return the judged order, or None where the model gave no full answer."""
        return self._judged(task, await self.answer(task, hint), hint)

    def _judged(self, task: RankTask, answer: RankAnswer, hint: str | None) -> list[str] | None:
        if answer.degraded is not None:
            return None
        if self.on == "model":
            return list(answer.order)
        fused = self.fusion.fuse(task.candidates, answer, hinted=hint is not None)
        return [item_id for item_id, _ in fused]

    async def value(self, task: RankTask, target: str, hint: str | None) -> float | None:
        """Return NDCG at `depth`, or None where the model gave no full answer.

        An answer that is not whole is never learnt from.
        """
        order = await self.order(task, hint)
        return None if order is None else reciprocal_log_rank(order, target, depth(task.k))

    async def gain(self, task: RankTask, target: str, hint: str) -> float | None:
        """Return the value with the hint minus the value without, or None where one is missing."""
        base, steered = await asyncio.gather(
            self.value(task, target, None), self.value(task, target, hint)
        )
        return None if base is None or steered is None else steered - base

    async def each_gain(self, cases: Sequence[Case], hint: str) -> list[float | None]:
        """Return the gain on each of these cases, None where it could not be measured."""
        return list(
            await asyncio.gather(*(self.gain(case.task, case.target, hint) for case in cases))
        )

    async def gains(self, cases: Sequence[Case], hint: str) -> list[float]:
        """Return the gains on these cases, without those that could not be measured."""
        return [gain for gain in await self.each_gain(cases, hint) if gain is not None]

    def recalled(self, task: RankTask, hint: str | None) -> list[str] | None:
        """Return the judged order where this process has the answer already, at no cost."""
        known = self.known.get((id(task), hint))
        return None if known is None else self._judged(task, known[1], hint)
