"""Which order the model gives without writing a word: by how likely it finds each title next."""

import asyncio
import json
import random
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from numpy.typing import NDArray

from re2llm.catalog.items import Item
from re2llm.llm.answer import Answer, Options
from re2llm.llm.client import ModelClient
from re2llm.llm.deadline import due, limit_of, seconds_left
from re2llm.llm.errors import AnswerUnreadable, ModelError
from re2llm.llm.fit import fitted
from re2llm.llm.prompts import prompt
from re2llm.llm.rank_prompt import SHORTER, Detail, extra_lines
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.sanitise import sanitise
from re2llm.llm.usage import Usage

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihoods:
    """How likely a model finds texts after a prefix.

    Attributes:
        logprobs: (texts,) sums of natural log-probabilities over a text's tokens.
        tokens: (texts,) how many tokens each text has.
    """

    logprobs: Array
    tokens: Array
    usage: Usage = field(default_factory=Usage)


class PromptScorer(Protocol):
    """Tells how likely a model finds texts after a prefix."""

    async def score(
        self, prefix: str, texts: Sequence[str], *, deadline: float | None = None
    ) -> Likelihoods:
        """Score every text after one prefix.

        Raises:
            ModelError: no answer in time.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientScorer:
    """Asks a `ScoreModel` through a `ModelClient`: cached, counted, in time and in budget."""

    client: ModelClient

    @property
    def limit(self) -> float:
        """Seconds for one question."""
        return self.client.patience.deadline

    async def score(
        self, prefix: str, texts: Sequence[str], *, deadline: float | None = None
    ) -> Likelihoods:
        """Score every text after one prefix, in one question.

        Raises:
            ModelError: no answer in time; `error.usage` is what was paid.
        """
        messages: list[BaseMessage] = [SystemMessage(prefix)]
        messages += [HumanMessage(prefix + text) for text in texts]
        answer = await self.client.ask(
            messages,
            options=Options(max_tokens=1),
            accept=lambda answer: _read(answer, len(texts)) is not None,
            deadline=deadline,
        )
        read = _read(answer, len(texts))
        if read is None:
            raise AnswerUnreadable("no log-probabilities")
        return Likelihoods(logprobs=read[:, 0], tokens=read[:, 1], usage=answer.usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodReranker:
    """Orders candidates by the log-likelihood of their titles after the session.

    A title's score is its log-likelihood after the session, minus `prior` times its log-likelihood
    after what `others` chose, over its number of tokens to the power of `length`: what a title
    gains by this very session, and not how common its words are. Priors are asked for one title at
    a time, so that the client's cache holds them for every later session.

    With a hint, and `amplify` above 0, the score is pushed further to where the hint moved it: with
    + amplify x (with - without), as classifier-free guidance does with prompts (arXiv 2306.17806).

    Attributes:
        others: items of many kinds, in the place of a session where priors are asked for; without
            any, a title gains by every session that tells what the shop sells.
        deadline: seconds for one slate, all attempts and shortening included; None means the
            scorer's.
    """

    scorer: PromptScorer
    others: tuple[Item, ...] = ()
    prior: float = 1.0
    length: float = 0.0
    amplify: float = 0.0
    deadline: float | None = None

    @property
    def limit(self) -> float | None:
        """Seconds for one slate."""
        return limit_of(self.deadline, self.scorer)

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation; where the model fails, it is the retrieval order."""
        if not task.candidates:
            return RankAnswer(order=(), listed=0)
        return await fitted(due(task, self.limit), self._ask)

    async def learn_priors(self, items: Sequence[Item]) -> Usage:
        """Ask for the priors of these items, so that no slate waits for them; return the bill.

        Raises:
            ModelError: no answer in time.
        """
        texts = [_text(item, SHORTER[0]) for item in items]
        return (await self._priors(texts, self.deadline)).usage

    async def _ask(self, task: RankTask, detail: Detail) -> RankAnswer:
        """Ask in this much detail; raises `ModelError`."""
        scores, usage = await self._scores(task, detail)
        best = np.argsort(-scores, kind="stable")
        return RankAnswer(
            order=tuple(task.candidates[place].item.item_id for place in best),
            listed=len(best),
            usage=usage,
        )

    async def _scores(self, task: RankTask, detail: Detail) -> tuple[Array, Usage]:
        """Return (candidates,) scores and what they cost."""
        texts, left = [_text(one.item, detail) for one in task.candidates], seconds_left(task)
        asked = [self.scorer.score(likelihood_prefix(task, detail), texts, deadline=left)]
        amplified = bool(task.hint) and self.amplify != 0
        if amplified:
            plain = likelihood_prefix(replace(task, hint=None), detail)
            asked.append(self.scorer.score(plain, texts, deadline=left))
        if self.prior:
            asked.append(self._priors(texts, left))
        answers = await _all(asked)
        score = answers[0].logprobs
        if amplified:
            score = score + self.amplify * (score - answers[1].logprobs)
        if self.prior:
            score = score - self.prior * answers[-1].logprobs
        usage = sum((answer.usage for answer in answers), Usage())
        return score / answers[0].tokens ** self.length, usage

    async def _priors(self, texts: Sequence[str], seconds: float | None) -> Likelihoods:
        start = prompt("likelihood_prior").text
        if self.others:
            start = likelihood_prefix(RankTask(session=self.others, candidates=()), SHORTER[0])
        answers = await _all([self.scorer.score(start, [text], deadline=seconds) for text in texts])
        return Likelihoods(
            logprobs=np.concatenate([answer.logprobs for answer in answers]),
            tokens=np.concatenate([answer.tokens for answer in answers]),
            usage=sum((answer.usage for answer in answers), Usage()),
        )


def some_items(items: Sequence[Item], count: int = 8, *, seed: int = 0) -> tuple[Item, ...]:
    """Return items drawn by lot, the same ones for the same catalogue and seed."""
    return tuple(random.Random(seed).sample(list(items), min(count, len(items))))


def likelihood_prefix(task: RankTask, detail: Detail) -> str:
    """Return what stands before a candidate's title; it ends where the title's space begins."""
    shown = task.session[-detail.session :]
    titles = "\n".join(f"-{_text(item, detail)}" for item in shown)
    return prompt("likelihood").fill(session=titles, extras=extra_lines(task.request, task.hint))


async def _all(asked: Sequence[Coroutine[object, object, Likelihoods]]) -> list[Likelihoods]:
    """Wait for all answers.

    Raises:
        ModelError: the first one; its usage is what all of them cost.
    """
    done = await asyncio.gather(*asked, return_exceptions=True)
    answers = [one for one in done if isinstance(one, Likelihoods)]
    failed = [one for one in done if isinstance(one, BaseException)]
    if not failed:
        return answers
    first = failed[0]
    if isinstance(first, ModelError):
        lost = [one.usage for one in failed if isinstance(one, ModelError)]
        first.usage = sum([*lost, *(answer.usage for answer in answers)], Usage())
    raise first


def _text(item: Item, detail: Detail) -> str:
    """Return a title with the space before it, where a new token begins in the usual models."""
    return f" {sanitise(item.title, detail.title) or 'untitled'}"


def _read(answer: Answer, count: int) -> Array | None:
    """Return (texts, 2) log-probabilities and numbers of tokens, or None."""
    try:
        scores = np.array(json.loads(answer.text)["scores"], dtype=np.float64)
    except (ValueError, TypeError, KeyError):
        return None
    whole = scores.shape == (count, 2) and np.isfinite(scores).all() and (scores[:, 1] > 0).all()
    return scores if whole else None
