"""Whether hints say the same, and what two say in one: small questions to the model."""

from collections.abc import Callable, Sequence

from langchain_core.messages import HumanMessage, SystemMessage

from re2llm.llm.answer import Answer, Schema
from re2llm.llm.client import ModelClient
from re2llm.llm.errors import ModelError
from re2llm.llm.forms import json_objects, strip_thoughts
from re2llm.llm.prompts import prompt
from re2llm.llm.sanitise import sanitise
from re2llm.llm.usage import Usage

_HINT = 600


class HintJudge:
    """Answers the knowledge base's questions; `usage` is what they cost so far."""

    def __init__(self, client: ModelClient) -> None:
        """Ask by this client."""
        self._client = client
        self.usage = Usage()

    async def same(self, a: str, b: str) -> bool | None:
        """Return whether two hints ask for the same, or None where the model gave no answer."""
        first, second = sorted((sanitise(a, _HINT), sanitise(b, _HINT)))
        question = prompt("same_hint_request").fill(first=first, second=second)
        schema = _schema("same", "boolean")
        answer = await self._ask("same_hint", question, schema, read_same)
        return None if answer is None else read_same(answer)

    async def which(self, text: str, others: Sequence[str]) -> int | None:
        """Return the number (from 1) of the one that asks for the same, 0 for none of them.

        None where the model gave no answer.
        """
        lines = (f"{place}. {sanitise(one, _HINT)}" for place, one in enumerate(others, start=1))
        question = prompt("same_hints_request").fill(
            first=sanitise(text, _HINT), others="\n".join(lines)
        )

        def read(answer: Answer) -> int | None:
            return read_number(answer, len(others))

        answer = await self._ask("same_hints", question, _schema("number", "integer"), read)
        return None if answer is None else read(answer)

    async def merge(self, a: str, b: str) -> str | None:
        """Return one hint that says what two say, or None where the model gave none."""
        question = prompt("merge_hints_request").fill(
            first=sanitise(a, _HINT), second=sanitise(b, _HINT)
        )
        answer = await self._ask("merge_hints", question, _schema("text", "string"), read_text)
        return None if answer is None else read_text(answer)

    async def _ask(
        self, name: str, question: str, schema: Schema, read: Callable[[Answer], object]
    ) -> Answer | None:
        messages = [SystemMessage(prompt(name).text), HumanMessage(question)]
        try:
            answer = await self._client.ask(
                messages, schema, accept=lambda answer: read(answer) is not None
            )
        except ModelError as error:
            self.usage += error.usage
            return None
        self.usage += answer.usage
        return answer


def read_same(answer: Answer) -> bool | None:
    """Return the yes or no of an answer, or None."""
    value = _value(answer, "same")
    return value if isinstance(value, bool) else None


def read_number(answer: Answer, most: int) -> int | None:
    """Return a whole number from 0 to `most` out of an answer, or None."""
    value = _value(answer, "number")
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= most else None


def read_text(answer: Answer) -> str | None:
    """Return the words of an answer, or None."""
    value = _value(answer, "text")
    return (sanitise(value, _HINT) or None) if isinstance(value, str) else None


def _value(answer: Answer, name: str) -> object:
    for value in json_objects(strip_thoughts(answer.text)):
        if isinstance(value, dict) and name in value:
            return value[name]
    return None


def _schema(name: str, kind: str) -> Schema:
    return Schema(
        name=name,
        json={
            "type": "object",
            "properties": {name: {"type": kind}},
            "required": [name],
            "additionalProperties": False,
        },
    )
