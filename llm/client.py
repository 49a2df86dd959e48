"""How a question becomes an answer: cached, paid for once, in time, and counted."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
from re2llm.llm.prices import FREE, Price
from re2llm.llm.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often to try.

    Attributes:
        deadline: seconds for one question, all attempts and waits included.
        attempts: requests per question at most, where the server fails.
        readable: requests per question at most, where it answers but unusably.
        share: the part of the remaining time that one attempt gets while others may follow.
        pause: seconds before the second attempt; doubled from then on, and shaken.
        longest_answer: tokens that an answer is taken to have at most, for the budget.
    """

    deadline: float = 30.0
    attempts: int = 4
    readable: int = 2
    share: float = 0.6
    pause: float = 0.25
    longest_answer: int = 4096


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
        self._random = random.Random(seed)
        self._flying: dict[str, asyncio.Task[Answer]] = {}

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
        accept: Callable[[Answer], bool] | None = None,
        keep_cut: bool = False,
        deadline: float | None = None,
    ) -> Answer:
        """Return the answer to a question, from the cache or from the model.

        The same question asked again while it is out waits for the same answer and costs nothing.
        An answer that is not accepted, or was cut off, is never kept.

        Args:
            messages: the question.
            schema: the form in which the answer is wanted.
            options: how it is asked.
            accept: whether an answer can be used.
            keep_cut: whether an answer may be kept although it was cut off, as it was meant to be.
            deadline: seconds, all attempts included; None means `patience.deadline`.

        Raises:
            ModelError: no usable answer in time; `error.usage` is what was paid.
        """
        options = options or Options()
        key = question_key(self.identity, messages, schema, options)
        seconds = self.patience.deadline if deadline is None else deadline
        task = self._flying.get(key)
        first = task is None or task.get_loop() is not asyncio.get_running_loop()
        if task is None or first:
            question = _Question(
                messages, schema, options, accept, keep_cut, time.monotonic() + seconds
            )
            task = asyncio.create_task(self._find(key, question))
            self._flying[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        try:
            async with asyncio.timeout(seconds):
                answer = await asyncio.shield(task)
        except TimeoutError:
            raise ModelUnavailable(f"no answer within {seconds:g} s") from None
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

    async def _find(self, key: str, question: "_Question") -> Answer:
        """Take the answer from the cache, or pay for it and keep it."""
        if self._cache is None:
            return await self._try(question)
        kept = await asyncio.to_thread(self._cache.get, key)
        if kept is not None and (question.accept is None or question.accept(kept)):
            return kept
        answer = await self._try(question)
        if question.keep_cut or not answer.cut:
            await asyncio.to_thread(self._cache.put, key, answer, self.identity)
        return answer

    async def _try(self, question: "_Question") -> Answer:
        """Ask until an answer is accepted, the attempts are used up, or time is."""
        patience, spent = self.patience, Usage()
        failed = unread = 0
        while True:
            try:
                answer = await self._attempt(question, last=failed + 1 >= patience.attempts)
                spent += answer.usage
                if question.accept is None or question.accept(answer):
                    return replace(answer, usage=spent)
                raise AnswerUnreadable(f"nothing usable in {answer.text[:80]!r}")
            except ModelError as error:
                failed += 1
                unread += isinstance(error, AnswerUnreadable)
                wait = self._wait(error, failed)
                out = failed >= patience.attempts or unread >= patience.readable
                if out or not error.retryable or question.left() <= wait:
                    error.usage = spent
                    raise
            await asyncio.sleep(wait)

    def _wait(self, error: ModelError, failed: int) -> float:
        if isinstance(error, AnswerUnreadable):
            return 0.0
        if isinstance(error, ModelUnavailable) and error.wait is not None:
            return error.wait
        pause = self.patience.pause * 2.0 ** (failed - 1)
        return pause * self._random.uniform(0.5, 1.5)

    async def _attempt(self, question: "_Question", *, last: bool) -> Answer:
        self._breaker.check()
        most = self._price.bill(
            most_usage(question.messages, question.options, self.patience.longest_answer)
        )
        self.budget.hold(most)
        paid, sent = Usage(), False
        share = 1.0 if last else self.patience.share
        try:
            async with (
                asyncio.timeout(max(question.left() * share, 0.0)),
                self._pace.turn(most.input_tokens),
            ):
                sent = True
                answer = await self._asker.ask(question.messages, question.schema, question.options)
            self._breaker.answered()
            paid = self._price.bill(answer.usage)
            return replace(answer, usage=paid)
        except TimeoutError:
            if not sent:
                raise ModelBusy("no turn in time") from None
            self._breaker.failed()
            paid = self._price.bill(replace(most, output_tokens=0))
            raise ModelUnavailable("no answer in time") from None
        except ModelError as error:
            self._note(error)
            raise
        finally:
            self.budget.settle(most, paid)

    def _note(self, error: ModelError) -> None:
        """Tell the breaker; a busy server is neither down nor proof that it is up."""
        if isinstance(error, ModelBusy):
            return
        if isinstance(error, ModelUnavailable):
            self._breaker.failed()
        else:
            self._breaker.answered()


@dataclass(frozen=True, slots=True)
class _Question:
    messages: Sequence[BaseMessage]
    schema: Schema | None
    options: Options
    accept: Callable[[Answer], bool] | None
    keep_cut: bool
    until: float

    def left(self) -> float:
        """Return the seconds that remain."""
        return self.until - time.monotonic()
