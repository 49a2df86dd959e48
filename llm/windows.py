"""How more candidates than fit are ranked: a window that slides from the last to the first."""

from dataclasses import dataclass, replace

from re2llm.llm.deadline import due, limit_of, share
from re2llm.llm.errors import ContextTooLong
from re2llm.llm.passes import OneReranker
from re2llm.llm.ranking import RankAnswer, RankTask, Repairs
from re2llm.llm.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class SlidingWindow:
    """Ranks windows from the end to the front, so that good candidates rise to the top.

    The best `size - step` of each window meet the next one (RankGPT, arXiv 2304.09542). Fewer
    candidates than `size` are asked about once. Every window gets an equal part of the time that is
    left, so that one that hangs does not cost the others theirs.

    Attributes:
        deadline: seconds for one slate, all windows together; None means what `reranker` takes for
            one.
    """

    reranker: OneReranker
    size: int = 20
    step: int = 10
    deadline: float | None = None

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: the step is not between 1 and the size.
        """
        if not 1 <= self.step <= self.size:
            raise ValueError(f"step {self.step} is not between 1 and the size {self.size}")

    @property
    def limit(self) -> float | None:
        """Seconds for one slate."""
        return limit_of(self.deadline, self.reranker)

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation; a window without an answer stays as it is."""
        task = due(task, self.limit)
        known = {one.item.item_id: one for one in task.candidates}
        order = list(known)
        if len(order) <= self.size:
            return await self.reranker.rerank(task)
        usage, repairs, reasons = Usage(), Repairs(), dict[str, str]()
        failed: list[str] = []
        spans = self._spans(len(order))
        heard = 0
        for number, (start, end) in enumerate(spans):
            part = tuple(known[i] for i in order[start:end])
            asked = replace(share(task, len(spans) - number), candidates=part)
            try:
                answer = await self.reranker.rerank(asked)
            except ContextTooLong as error:
                error.usage = usage + error.usage
                raise
            order[start:end] = answer.order
            usage += answer.usage
            reasons |= answer.reasons
            repairs = Repairs(
                unknown=repairs.unknown + answer.repairs.unknown,
                repeated=repairs.repeated + answer.repairs.repeated,
                missing=repairs.missing + answer.repairs.missing,
            )
            heard += answer.listed > 0
            if answer.degraded:
                failed.append(answer.degraded)
        degraded = f"{len(failed)} of {len(spans)} windows: {failed[0]}" if failed else None
        return RankAnswer(
            order=tuple(order),
            listed=len(order) if heard else 0,
            reasons={i: reasons[i] for i in order[: task.k] if i in reasons},
            repairs=repairs,
            degraded=degraded,
            usage=usage,
        )

    def _spans(self, count: int) -> list[tuple[int, int]]:
        """Return the windows' first and last places (the latter not included), from the end on."""
        ends = range(count, 0, -self.step)
        spans = [(max(end - self.size, 0), end) for end in ends]
        return spans[: next(n for n, (start, _) in enumerate(spans, 1) if start == 0)]
