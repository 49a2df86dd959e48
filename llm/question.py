"""One question on its way: what is asked, what answer will do, by when, and what it cost so far."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import BaseMessage

from re2llm.llm.answer import Answer, Options, Schema
from re2llm.llm.usage import Usage

Judge = Callable[[Answer], bool]


@dataclass(slots=True, kw_only=True)
class Question:
    """A question that may be tried several times.

    Attributes:
        accept: whether an answer can be used.
        keep: whether a used answer is good enough to be kept for good.
        until: when it must be answered, in `time.monotonic()`'s seconds.
        spent: what all attempts cost so far; it grows.
    """

    messages: Sequence[BaseMessage]
    schema: Schema | None
    options: Options
    accept: Judge | None
    keep: Judge | None
    until: float
    spent: Usage = field(default_factory=Usage)

    def left(self) -> float:
        """Return the seconds that remain, 0 where time is up."""
        return max(self.until - time.monotonic(), 0.0)

    def accepts(self, answer: Answer) -> bool:
        """Say whether the answer can be used."""
        return self.accept is None or self.accept(answer)

    def keeps(self, answer: Answer) -> bool:
        """Say whether the answer may be kept; without a word, one that was not cut off."""
        return not answer.cut if self.keep is None else self.keep(answer)
