"""How more candidates than fit are ranked: a window that slides from the last to the first."""

from dataclasses import dataclass, replace

from re2llm.llm.passes import OneReranker
from re2llm.llm.ranking import RankAnswer, RankTask, Repairs
from re2llm.llm.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class SlidingWindow:
    """Ranks windows from the end to the front, so that good candidates rise to the top.

    The best `size - step` of each window meet the next one (RankGPT, arXiv 2304.09542). Fewer
    candidates than `size` are asked about once.
    """

    reranker: OneReranker
    size: int = 20
    step: int = 10

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: the step is not between 1 and the size.
        """
        if not 1 <= self.step <= self.size:
            raise ValueError(f"step {self.step} is not between 1 and the size {self.size}")

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation; a window without an answer stays as it is."""
        known = {one.item.item_id: one for one in task.candidates}
        order = list(known)
        if len(order) <= self.size:
            return await self.reranker.rerank(task)
        usage, repairs, reasons = Usage(), Repairs(), dict[str, str]()
        failed: list[str] = []
        windows = heard = 0
        end = len(order)
        while True:
            start = max(end - self.size, 0)
            part = tuple(known[i] for i in order[start:end])
            answer = await self.reranker.rerank(replace(task, candidates=part))
            order[start:end] = answer.order
            usage += answer.usage
            reasons |= answer.reasons
            repairs = Repairs(
                unknown=repairs.unknown + answer.repairs.unknown,
                repeated=repairs.repeated + answer.repairs.repeated,
                missing=repairs.missing + answer.repairs.missing,
            )
            windows += 1
            heard += answer.listed > 0
            if answer.degraded:
                failed.append(answer.degraded)
            if start == 0:
                break
            end -= self.step
        degraded = f"{len(failed)} of {windows} windows: {failed[0]}" if failed else None
        return RankAnswer(
            order=tuple(order),
            listed=len(order) if heard else 0,
            reasons={i: reasons[i] for i in order[: task.k] if i in reasons},
            repairs=repairs,
            degraded=degraded,
            usage=usage,
        )
