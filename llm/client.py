"""How a question becomes an answer: cached, paid for once, in time, and counted."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from re2llm.errors import UserError
from re2llm.llm.answer import Answer, Options, Schema
from re2llm.llm.ask import FORMS, Asker, Form, most_usage
from re2llm.llm.breaker import Breaker
from re2llm.llm.budget import Budget
from re2llm.llm.cache import AnswerCache, question_key
from re2llm.llm.errors import AnswerUnreadable, ModelBusy, ModelError, ModelUnavailable
from re2llm.llm.pace import Pace
from re2llm.llm.patience import Patience
from re2llm.llm.prices import FREE, Price
from re2llm.llm.question import Judge, Question
from re2llm.llm.room import Room
from re2llm.llm.usage import Usage
from re2llm.one_hop import OneHop

_GRACE = 0.1
"""Seconds within which an attempt that ran out of time must have told what it cost."""


class ModelClient:
    """Asks one model. All questions of a process to one model go through one client."""

    def __init__(
        self,
        model: BaseChatModel,
        *,
        identity: str,
        forms: Sequence[Form] = FORMS,
        old_token_limit: bool = False,
        cache: AnswerCache | None = None,
        budget: Budget | None = None,
        price: Price | None = None,
        pace: Pace | None = None,
        breaker: Breaker | None = None,
        patience: Patience | None = None,
        room: Room | None = None,
        remember: Callable[[tuple[Form, ...]], None] | None = None,
        seed: int = 0,
    ) -> None:
        """Join a model with all that surrounds it.

        Args:
            model: any chat model; it should not retry by itself.
            identity: names the model and its parameters in the cache, never a key.
            forms: see `Asker`.
            old_token_limit: see `Asker`.
            cache: answers paid for before; None asks anew every time.
            budget: what may be spent.
            price: what tokens cost; None where it is unknown.
            pace: limits per minute and at once.
            breaker: when to let a failing server rest.
            patience: how long and how often to try.
            room: what is known of the model's context.
            remember: told the forms that the server takes, once a stricter one was refused;
                blocking.
            seed: of the shaken pauses.

        Raises:
            UserError: money is limited but the price is unknown.
        """
        self.identity = identity
        self.budget = budget or Budget()
        if self.budget.limits.cost is not None and price is None:
            raise UserError(
                f"the price of model {identity!r} is unknown, so its cost cannot be limited; give "
                "a price table that names it, or limit calls instead"
            )
        self.patience = patience or Patience()
        self._asker = Asker(model, forms=forms, old_token_limit=old_token_limit)
        self._cache = cache
        self._price = price or FREE
        self._pace = pace or Pace()
        self._breaker = breaker or Breaker()
        self._room = room or Room(None)
        self._remember = remember
        self._remembered = self._asker.forms
        self._random = random.Random(seed)
        self._flying: dict[str, asyncio.Task[Answer]] = {}
        self._read = OneHop()

    @property
    def form(self) -> Form:
        """The answer form that this server is asked for first."""
        return self._asker.form

    async def ask(
        self,
        messages: Sequence[BaseMessage],
        schema: Schema | None = None,
        *,
        options: Options | None = None,
        accept: Judge | None = None,
        keep: Judge | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Return the answer to a question, from the cache or from the model.

        The same question asked again while it is out waits for the same answer and costs nothing.
        Failures are never kept: no answer, one that is not accepted, and one that was accepted for
        want of a better one. Where a kept answer turns out to be none to keep, it is replaced.

        Args:
            messages: the question.
            schema: the form in which the answer is wanted.
            options: how it is asked.
            accept: whether an answer can be used.
            keep: whether an accepted answer is good enough to be kept for good; None keeps all that
                were not cut off.
            deadline: seconds, all attempts included; None means `patience.deadline`.

        Raises:
            ModelError: no usable answer in time; `error.usage` is what was paid.
        """
        options = options or Options()
        self._room.check(messages)
        seconds = self.patience.deadline if deadline is None else deadline
        if seconds <= 0:
            raise ModelUnavailable("no time is left")
        question = Question(
            messages=messages,
            schema=schema,
            options=options,
            accept=accept,
            keep=keep,
            until=time.monotonic() + seconds,
        )
        key = question_key(self.identity, messages, schema, options)
        task = self._flying.get(key)
        first = task is None or task.get_loop() is not asyncio.get_running_loop()
        if task is None or first:
            task = asyncio.create_task(self._find(key, question))
            self._flying[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        try:
            async with asyncio.timeout(seconds + _GRACE):
                answer = await asyncio.shield(task)
        except TimeoutError:
            late = ModelUnavailable(f"no answer within {seconds:g} s")
            late.usage = question.spent
            raise late from None
        except ModelError as error:
            if first:
                raise
            raise type(error)(str(error)) from error
        return answer if first else replace(answer, usage=Usage(cache_hits=1))

    def _landed(self, key: str, task: asyncio.Task[Answer]) -> None:
        if self._flying.get(key) is task:
            del self._flying[key]
        if not task.cancelled():
            task.exception()

    async def _find(self, key: str, question: Question) -> Answer:
        """Take the answer from the cache, or pay for it and keep it."""
        if self._cache is None:
            return await self._try(question)
        kept = await self._read(self._cache.get, key)
        if kept is not None and question.accepts(kept) and question.keeps(kept):
            return kept
        answer = await self._try(question)
        if question.keeps(answer):
            put = partial(self._cache.put, instead=kept is not None)
            await asyncio.to_thread(put, key, answer, self.identity)
        return answer

    async def _try(self, question: Question) -> Answer:
        """Ask until an answer is accepted, the attempts are used up, or time is."""
        patience = self.patience
        failed = unread = 0
        while True:
            try:
                answer = await self._attempt(question, last=failed + 1 >= patience.attempts)
                if question.accepts(answer):
                    return replace(answer, usage=question.spent)
                raise AnswerUnreadable(f"nothing usable in {answer.text[:80]!r}")
            except ModelError as error:
                failed += 1
                unread += isinstance(error, AnswerUnreadable)
                wait = patience.wait(error, failed, self._random)
                out = failed >= patience.attempts or unread >= patience.readable
                if out or not error.retryable or question.left() <= wait:
                    error.usage = question.spent
                    raise
            await asyncio.sleep(wait)

    async def _attempt(self, question: Question, *, last: bool) -> Answer:
        """Send the question once; what it costs is added to `question.spent`."""
        self._breaker.check()
        most = self._price.bill(
            most_usage(question.messages, question.options, self.patience.longest_answer)
        )
        self.budget.hold(most)
        paid = Usage()
        try:
            async with self._pace.turn(most.input_tokens, within=question.left()):
                share = 1.0 if last else self.patience.share
                async with asyncio.timeout(question.left() * share):
                    answer = await self._asker.ask(
                        question.messages, question.schema, question.options
                    )
            self._breaker.answered()
            paid = self._price.bill(answer.usage)
            self._room.learn(question.messages, answer.usage)
            self._pace.counted(most.input_tokens, paid.input_tokens + paid.output_tokens)
        except TimeoutError:
            self._breaker.failed()
            paid = self._price.bill(replace(most, output_tokens=0, timed_out=1))
            raise ModelUnavailable("no answer in time") from None
        except ModelError as error:
            paid = self._price.bill(error.usage)
            self._note(error)
            raise
        finally:
            self.budget.settle(most, paid)
            question.spent += paid
        await self._note_forms()
        return answer

    def _note(self, error: ModelError) -> None:
        """Tell the breaker; a busy server is neither down nor proof that it is up."""
        if isinstance(error, ModelBusy):
            return
        if isinstance(error, ModelUnavailable):
            self._breaker.failed()
        else:
            self._breaker.answered()

    async def _note_forms(self) -> None:
        forms = self._asker.forms
        if forms != self._remembered:
            self._remembered = forms
            if self._remember is not None:
                await asyncio.to_thread(self._remember, forms)
