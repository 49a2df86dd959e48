"""Whether a prompt can fit a model's context at all: what certainly cannot is not sent."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from re2llm.llm.errors import ContextTooLong
from re2llm.llm.usage import Usage

_LONGEST_TOKEN = 6.0
"""Characters per token that no usual text goes beyond, while nothing was counted."""
_DOUBT = 1.2
"""How far a prompt's characters per token may lie above those of the prompts so far."""


class Room:
    """Knows a model's context, and learns from answers how many characters make a token."""

    def __init__(self, tokens: int | None, *, apart: bool = False) -> None:
        """Keep what is known.

        Args:
            tokens: the context; None where it is unknown, so that everything is sent.
            apart: whether every message is a prompt of its own.
        """
        self._tokens = tokens
        self._apart = apart
        self._said = 0
        self._counted = 0

    def check(self, messages: Sequence[BaseMessage]) -> None:
        """Let a prompt through, or not.

        Raises:
            ContextTooLong: it has more tokens than the context, even if they are long ones.
        """
        if self._tokens is None:
            return
        sizes = [len(str(message.content)) for message in messages]
        longest = max(sizes, default=0) if self._apart else sum(sizes)
        fewest = longest / (self._per_token * _DOUBT)
        if fewest > self._tokens:
            raise ContextTooLong(
                f"at least {fewest:.0f} tokens, but the model's context holds {self._tokens}"
            )

    def learn(self, messages: Sequence[BaseMessage], usage: Usage) -> None:
        """Note how many tokens the server counted in a prompt."""
        self._said += sum(len(str(message.content)) for message in messages)
        self._counted += usage.input_tokens

    @property
    def _per_token(self) -> float:
        return self._said / self._counted if self._counted else _LONGEST_TOKEN / _DOUBT
