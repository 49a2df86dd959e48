"""Which order the model gives in one output token: read off that token's likeliest values."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from re2llm.llm.answer import Options
from re2llm.llm.client import ModelClient
from re2llm.llm.errors import ContextTooLong, ModelError
from re2llm.llm.labels import SINGLE_TOKENS
from re2llm.llm.prompts import prompt
from re2llm.llm.rank_prompt import (
    SHORTER,
    Detail,
    candidate_lines,
    extra_lines,
    session_lines,
)
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reader import Reading, complete
from re2llm.llm.rerank import describe, retrieval_order
from re2llm.llm.usage import Usage

MOST = len(SINGLE_TOKENS)
"""Candidates that have one-character labels; more of them need windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTokenReranker:
    """Asks for the best candidate's one-character label and orders all by its log-probabilities.

    For servers that return `top_logprobs`; they return 20 or fewer, so that the candidates behind
    those keep the retrieval order.

    Attributes:
        top: so many values are asked for.
        deadline: seconds for one slate; None means the client's.
    """

    client: ModelClient
    top: int = 20
    deadline: float | None = None

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation; where the model fails, it is the retrieval order."""
        count = len(task.candidates)
        if count == 0:
            return RankAnswer(order=(), listed=0)
        if count > MOST:
            return retrieval_order(task, f"{count} candidates, but only {MOST} have a single token")
        why, spent = "", Usage()
        names = list(SINGLE_TOKENS[:count])
        for detail in SHORTER:
            try:
                answer = await self.client.ask(
                    first_token_messages(task, names, detail),
                    options=Options(max_tokens=1, top_logprobs=self.top),
                    accept=lambda answer: bool(by_logprob(answer.tokens, names)),
                    keep_cut=True,
                    deadline=self.deadline,
                )
            except ContextTooLong as error:
                why, spent = describe(error), spent + error.usage
                continue
            except ModelError as error:
                return retrieval_order(task, describe(error), spent + error.usage)
            places = by_logprob(answer.tokens, names)
            ids = [one.item.item_id for one in task.candidates]
            order, repairs = complete(Reading(places=tuple(places)), ids)
            shortened = detail is not SHORTER[0]
            return RankAnswer(
                order=order,
                listed=len(places),
                repairs=repairs,
                degraded="the prompt was shortened to fit" if shortened else None,
                usage=spent + answer.usage,
            )
        return retrieval_order(task, why, spent)


def first_token_messages(task: RankTask, names: Sequence[str], detail: Detail) -> list[BaseMessage]:
    """Return the question for one label."""
    user = prompt("rank_request").fill(
        session=session_lines(task.session, detail),
        candidates=candidate_lines(task.candidates, names, detail),
        extras=extra_lines(task.request, task.hint),
        instruction=prompt("first_token_request").text,
    )
    return [SystemMessage(prompt("first_token").text), HumanMessage(user)]


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
