"""How many orders become one: shuffled passes against position bias, joined centrally."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from re2llm.llm.deadline import due, limit_of, seconds_left
from re2llm.llm.fallback import retrieval_order
from re2llm.llm.ranking import RankAnswer, RankTask, Repairs
from re2llm.llm.usage import Usage


class OneReranker(Protocol):
    """Any way to ask once."""

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuffledPasses:
    """Asks several times with the candidates in other orders, and takes the central order.

    The first pass is in retrieval order. Two passes run side by side; the rest are asked only if
    those two disagree (permutation self-consistency, arXiv 2310.07712).

    Attributes:
        passes: how often to ask at most.
        agree: Kendall's tau over the listed items from which two orders count as agreeing.
        seed: of the shuffles, which depend on it and on the candidates alone.
        deadline: seconds for one slate, all passes together; None means what `reranker` takes for
            one.
    """

    reranker: OneReranker
    passes: int = 5
    agree: float = 0.8
    seed: int = 0
    deadline: float | None = None

    @property
    def limit(self) -> float | None:
        """Seconds for one slate."""
        return limit_of(self.deadline, self.reranker)

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return the central order of all passes that the model answered in time."""
        task = due(task, self.limit)
        shuffled = [_shuffled(task, number, self.seed) for number in range(self.passes)]
        first = await asyncio.gather(*(self.reranker.rerank(one) for one in shuffled[:2]))
        answers = list(first)
        if len(shuffled) > 2 and not self._settled(answers) and seconds_left(task) != 0:
            rest = (self.reranker.rerank(one) for one in shuffled[2:])
            answers += await asyncio.gather(*rest)
        return join_answers(task, answers)

    def _settled(self, answers: Sequence[RankAnswer]) -> bool:
        usable = [answer for answer in answers if answer.listed]
        return len(usable) == 2 and kendall_tau(usable[0], usable[1]) >= self.agree


def join_answers(task: RankTask, answers: Sequence[RankAnswer]) -> RankAnswer:
    """Return one answer out of several over the same candidates; those without a word are left."""
    usage = sum((answer.usage for answer in answers), Usage())
    usable = [answer for answer in answers if answer.listed]
    failed = [answer.degraded for answer in answers if answer.degraded]
    if not usable:
        return retrieval_order(task, failed[0] if failed else "no answer", usage)
    ids = [one.item.item_id for one in task.candidates]
    listed = [i for i in ids if any(i in answer.order[: answer.listed] for answer in usable)]
    order = central_order(listed, usable)
    rest = [i for i in ids if i not in set(listed)]
    reasons = {k: v for answer in reversed(usable) for k, v in answer.reasons.items()}
    return RankAnswer(
        order=(*order, *rest),
        listed=len(order),
        reasons={i: reasons[i] for i in order[: task.k] if i in reasons},
        repairs=Repairs(
            unknown=sum(answer.repairs.unknown for answer in answers),
            repeated=sum(answer.repairs.repeated for answer in answers),
            missing=len(rest),
        ),
        degraded=failed[0] if 2 * len(failed) > len(answers) else None,
        usage=usage,
    )


def central_order(ids: Sequence[str], answers: Sequence[RankAnswer]) -> list[str]:
    """Return an order with few pairwise disagreements with the answers.

    Borda's mean ranks to start with, then neighbours are swapped while most answers want it; the
    result is a local optimum of the Kemeny distance.
    """
    ahead = _majority(ids, answers)
    order = sorted(range(len(ids)), key=lambda i: (-ahead[i].sum(), i))
    swapped = True
    while swapped:
        swapped = False
        for at in range(len(order) - 1):
            one, other = order[at], order[at + 1]
            if ahead[other, one] > ahead[one, other]:
                order[at], order[at + 1] = other, one
                swapped = True
    return [ids[i] for i in order]


def kendall_tau(a: RankAnswer, b: RankAnswer) -> float:
    """Return Kendall's tau over the items that both answers list; 0 where that is under two."""
    common = [i for i in a.order[: a.listed] if i in set(b.order[: b.listed])]
    if len(common) < 2:
        return 0.0
    rank = {item_id: n for n, item_id in enumerate(b.order)}
    places = np.array([rank[i] for i in common])
    upper = np.triu_indices(len(places), 1)
    return float(np.sign(places[upper[1]] - places[upper[0]]).mean())


def _majority(ids: Sequence[str], answers: Sequence[RankAnswer]) -> NDArray[np.float64]:
    """Return (ids, ids): how many answers place the row before the column."""
    ahead = np.zeros((len(ids), len(ids)))
    for answer in answers:
        rank = {item_id: n for n, item_id in enumerate(answer.order[: answer.listed])}
        places = np.array([rank.get(i, len(rank)) for i in ids])
        ahead += places[:, None] < places[None, :]
    return ahead


def _shuffled(task: RankTask, number: int, seed: int) -> RankTask:
    if number == 0:
        return task
    said = "\0".join(one.item.item_id for one in task.candidates) + f"\0{number}\0{seed}"
    mixed = list(task.candidates)
    random.Random(sha256(said.encode("utf-8", "replace")).digest()).shuffle(mixed)
    return replace(task, candidates=tuple(mixed), reasons=False)
