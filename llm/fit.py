"""How a model is asked about more than its context holds: in less detail, then window by window."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from re2llm.llm.errors import ContextTooLong, ModelError
from re2llm.llm.fallback import describe, retrieval_order
from re2llm.llm.rank_prompt import SHORTER, Detail
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.usage import Usage
from re2llm.llm.windows import SlidingWindow

Ask = Callable[[RankTask, Detail], Awaitable[RankAnswer]]
"""Asks once; raises `ModelError` where the model does not answer."""

SHORTENED = "the prompt was shortened to fit"
_FEWEST = 4
"""Candidates of a window at the least; fewer say little of each other."""


async def fitted(task: RankTask, ask: Ask) -> RankAnswer:
    """Return a complete permutation from a prompt that fits; never raises for what the model does.

    A prompt that is too long loses the start of its session first, then attributes, then notes;
    then the candidates are asked about in windows of half as many, a quarter, and so on. All of it
    has the task's one deadline.
    """
    spent = Usage()
    for detail in SHORTER:
        try:
            answer = await ask(task, detail)
        except ContextTooLong as error:
            why, spent = error, spent + error.usage
            continue
        except ModelError as error:
            return retrieval_order(task, describe(error), spent + error.usage)
        return _noted(answer, None if detail is SHORTER[0] else SHORTENED, spent)
    size = len(task.candidates)
    while size > _FEWEST:
        size = max((size + 1) // 2, _FEWEST)
        try:
            answer = await SlidingWindow(reranker=_Least(ask), size=size, step=size // 2).rerank(
                task
            )
        except ContextTooLong as error:
            why, spent = error, spent + error.usage
            continue
        return _noted(answer, f"{SHORTENED}, in windows of {size}", spent)
    return retrieval_order(task, describe(why), spent)


def _noted(answer: RankAnswer, note: str | None, spent: Usage) -> RankAnswer:
    return replace(answer, degraded=answer.degraded or note, usage=spent + answer.usage)


@dataclass(frozen=True, slots=True)
class _Least:
    """Asks in the least detail; what does not even fit so, it raises."""

    ask: Ask

    async def rerank(self, task: RankTask) -> RankAnswer:
        try:
            return await self.ask(task, SHORTER[-1])
        except ContextTooLong:
            raise
        except ModelError as error:
            return retrieval_order(task, describe(error), error.usage)
