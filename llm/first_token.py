"""Which order the model gives in one output token: read off that token's likeliest values."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from re2llm.llm.answer import Answer, Options
from re2llm.llm.client import ModelClient
from re2llm.llm.deadline import due, seconds_left
from re2llm.llm.fit import fitted
from re2llm.llm.labels import SINGLE_TOKENS
from re2llm.llm.prompts import prompt
from re2llm.llm.rank_prompt import Detail, candidate_lines, extra_lines, session_lines
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reader import Reading, complete
from re2llm.llm.windows import SlidingWindow

MOST = len(SINGLE_TOKENS)
"""Candidates that have one-character labels; more of them need windows."""
_FEWEST = 2
"""Labels that make an order; fewer are a degraded answer, and not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTokenReranker:
    """Asks for the best candidate's one-character label and orders all by its log-probabilities.

    For servers that return `top_logprobs`; they return 20 or fewer, so that the candidates behind
    those keep the retrieval order. Of a server that returns none the one label that it wrote is
    taken, and the slate says that it is degraded. More candidates than have one-character labels
    are asked about in windows, at one token each.

    Attributes:
        top: so many values are asked for.
        deadline: seconds for one slate, all attempts and windows included; None means the client's.
    """

    client: ModelClient
    top: int = 20
    deadline: float | None = None

    @property
    def limit(self) -> float:
        """Seconds for one slate."""
        return self.client.patience.deadline if self.deadline is None else self.deadline

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation; where the model fails, it is the retrieval order."""
        if not task.candidates:
            return RankAnswer(order=(), listed=0)
        task = due(task, self.limit)
        if len(task.candidates) > MOST:
            return await SlidingWindow(reranker=self, size=MOST, step=MOST // 2).rerank(task)
        return await fitted(task, self._ask)

    async def _ask(self, task: RankTask, detail: Detail) -> RankAnswer:
        """Ask in this much detail; raises `ModelError`."""
        count = len(task.candidates)
        names = list(SINGLE_TOKENS[:count])
        fewest = min(_FEWEST, count)
        answer = await self.client.ask(
            first_token_messages(task, names, detail),
            options=Options(max_tokens=1, top_logprobs=self.top),
            accept=lambda answer: bool(read_token(answer, names)),
            keep=lambda answer: len(by_logprob(answer.tokens, names)) >= fewest,
            deadline=seconds_left(task),
        )
        places = read_token(answer, names)
        order, repairs = complete(
            Reading(places=tuple(places)), [one.item.item_id for one in task.candidates]
        )
        few = None
        if not answer.tokens:
            few = "the server gives no token probabilities; its one label counts"
        elif len(places) < fewest:
            few = f"the likeliest tokens name {len(places)} of {count} candidates"
        return RankAnswer(
            order=order,
            listed=len(places),
            repairs=repairs,
            degraded=few,
            usage=answer.usage,
        )


def first_token_messages(task: RankTask, names: Sequence[str], detail: Detail) -> list[BaseMessage]:
    """Return the question for one label."""
    user = prompt("rank_request").fill(
        session=session_lines(task.session, detail),
        candidates=candidate_lines(task.candidates, names, detail),
        extras=extra_lines(task.request, task.hint),
        instruction=prompt("first_token_request").text,
    )
    return [SystemMessage(prompt("first_token").text), HumanMessage(user)]


def read_token(answer: Answer, names: Sequence[str]) -> list[int]:
    """Return positions by the likeliest tokens, or the one that was written where none are told."""
    return by_logprob(answer.tokens or [(answer.text, 0.0)], names)


def by_logprob(tokens: Sequence[tuple[str, float]], names: Sequence[str]) -> list[int]:
    """Return positions, likeliest first.

    Tokens for one label, with or without a space or bracket before it, count once, at their
    likeliest; tokens that are no label are passed over.
    """
    place = {name: n for n, name in enumerate(names)}
    found = dict.fromkeys(
        place[label]
        for token, _ in sorted(tokens, key=lambda pair: -pair[1])
        if (label := token.strip(" \u2581\u0120[(\"'`*\n")) in place
    )
    return list(found)
