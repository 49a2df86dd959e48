"""What goes to a model beside the messages, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from re2llm.llm.usage import Usage

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The form in which the answer is wanted: a JSON schema with a name."""

    name: str
    json: Json

    @property
    def plain(self) -> Json:
        """The schema without patterns, which some servers refuse."""
        return {name: _plain(value) for name, value in self.json.items()}

    @property
    def is_plain(self) -> bool:
        """Whether there are no patterns in it."""
        return self.plain == self.json


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        kept = ((k, v) for k, v in value.items() if k != "pattern" or isinstance(v, Mapping))
        return {k: _plain(v) for k, v in kept}
    return [_plain(one) for one in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one question is asked.

    Attributes:
        max_tokens: the answer's greatest length; None leaves it to the server.
        top_logprobs: so many of the first token's likeliest values are wanted.
        sample: questions that differ in this alone are answered anew.
    """

    max_tokens: int | None = None
    top_logprobs: int | None = None
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model wrote and what it cost.

    Attributes:
        tokens: the first token's likeliest values with their log-probabilities, where wanted.
        cut: whether the answer ended because it grew too long.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    tokens: tuple[tuple[str, float], ...] = ()
    cut: bool = False
