"""How a model is asked what a message means, and in which form it answers."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, Field, ValidationError

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.catalog.said import KINDS
from re2llm.llm.answer import Schema
from re2llm.llm.forms import json_objects, strip_thoughts
from re2llm.llm.prompts import Prompt, parse_prompt
from re2llm.llm.sanitise import sanitise
from re2llm.service.chat import say
from re2llm.service.chat.lexicon import Lexicon
from re2llm.service.chat.memory import Memory

_PLACEHOLDERS: dict[str, frozenset[str]] = {
    "understand": frozenset(),
    "understand_request": frozenset({"kinds", "numbers", "wish", "shown", "message"}),
}
_MESSAGE, _TITLE, _FACTS, _WISH, _KIND = 1000, 120, 160, 400, 40
_MOST_KINDS, _MOST_LOOKED_AT = 60, 1000


ActName = Literal[
    "wish", "more", "explain", "take", "like", "reject", "hostile", "off topic", "unclear"
]


class Bound(BaseModel):
    """A limit as the model gives it."""

    attribute: str
    low: float | None = None
    high: float | None = None


class Reading(BaseModel):
    """What a model makes of a message; nothing of it is trusted before it is checked."""

    act: ActName
    cards: list[int] = Field(default_factory=list)
    wanted: list[str] = Field(default_factory=list)
    unwanted: list[str] = Field(default_factory=list)
    limits: list[Bound] = Field(default_factory=list)
    lifted: list[str] = Field(default_factory=list)
    refused: list[int] = Field(default_factory=list)
    like: int | None = None
    price: Literal["cheaper", "dearer", "same"] = "same"
    correction: bool = False


def _list(of: dict[str, object]) -> dict[str, object]:
    return {"type": "array", "items": of}


def _closed(properties: dict[str, object]) -> dict[str, object]:
    """Return an object's schema as strict servers want it: every field there, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_NUMBER: dict[str, object] = {"type": ["number", "null"]}
SCHEMA = Schema(
    name="message",
    json=_closed(
        {
            "act": {"type": "string", "enum": list(get_args(ActName))},
            "cards": _list({"type": "integer"}),
            "wanted": _list({"type": "string"}),
            "unwanted": _list({"type": "string"}),
            "limits": _list(
                _closed({"attribute": {"type": "string"}, "low": _NUMBER, "high": _NUMBER})
            ),
            "lifted": _list({"type": "string"}),
            "refused": _list({"type": "integer"}),
            "like": {"type": ["integer", "null"]},
            "price": {"type": "string", "enum": ["cheaper", "dearer", "same"]},
            "correction": {"type": "boolean"},
        }
    ),
)


def question(
    text: str, memory: Memory, cards: Sequence[Item], kinds: Sequence[str], numbers: Sequence[str]
) -> list[BaseMessage]:
    """Put a message into the prompt: what never changes first, the shopper's words last."""
    shown = [
        f"{place}. {sanitise(card.title, _TITLE)} ({sanitise('; '.join(say.facts(card)), _FACTS)})"
        for place, card in enumerate(cards, 1)
    ]
    asked = _prompt("understand_request").fill(
        kinds=", ".join(sanitise(kind, _KIND) for kind in _nearest(text, kinds)),
        numbers=", ".join(sanitise(name, _KIND) for name in numbers),
        wish=sanitise(say.limits_text(memory), _WISH),
        shown="\n".join(shown),
        message=sanitise(text, _MESSAGE),
    )
    return [SystemMessage(_prompt("understand").text), HumanMessage(asked)]


def read_reading(text: str) -> Reading | None:
    """Return what an answer says, or None where it has no such form."""
    for value in json_objects(strip_thoughts(text)):
        if isinstance(value, dict) and "act" in value:
            given = {name: held for name, held in value.items() if held is not None}
            try:
                return Reading.model_validate(given)
            except ValidationError:
                continue
    return None


def kinds_of(lexicon: Lexicon) -> tuple[str, ...]:
    """Return the shop's kinds of items, the commonest first."""
    named = (facet.value for facet, _ in lexicon.counts.most_common() if facet.attribute in KINDS)
    return tuple(dict.fromkeys(named))[:_MOST_LOOKED_AT]


def _nearest(text: str, kinds: Sequence[str]) -> list[str]:
    """Return kinds that share a word with the message, then the commonest ones."""
    said = set(words(text))
    near = [kind for kind in kinds if said & set(words(kind))]
    return list(dict.fromkeys([*near, *kinds]))[:_MOST_KINDS]


@cache
def _prompt(name: str) -> Prompt:
    text = (files("re2llm.service.chat") / "prompts" / f"{name}.md").read_text("utf-8")
    return parse_prompt(name, text, _PLACEHOLDERS[name])
