"""What the model has to say about a miss: it guesses, is told, compares, and writes hints."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, ValidationError

from re2llm.llm.answer import Answer, Schema
from re2llm.llm.client import ModelClient
from re2llm.llm.errors import ContextTooLong, ModelError
from re2llm.llm.fallback import describe
from re2llm.llm.forms import json_objects, strip_thoughts
from re2llm.llm.labels import labels
from re2llm.llm.prompts import prompt
from re2llm.llm.rank_prompt import (
    SHORTER,
    Detail,
    candidate_lines,
    extra_lines,
    session_lines,
)
from re2llm.llm.reflection import Failure, HintDraft, Reflection
from re2llm.llm.sanitise import sanitise
from re2llm.llm.success_lines import success_lines
from re2llm.llm.usage import Usage

_THOUGHT = 2000
_TEXT, _TITLE, _WHEN = 400, 80, 160


class _Draft(BaseModel):
    text: str
    title: str = ""
    when: str = ""


class _Shown(NamedTuple):
    session: str
    candidates: str
    extras: str
    ranking: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeTurnReflector:
    """Guess without the answer, explain with it, write hints (Re2LLM, reflective exploration).

    Attributes:
        drafts: how many hints are asked for at most.
        deadline: seconds for one turn; None means the client's.
    """

    client: ModelClient
    drafts: int = 3
    deadline: float | None = None

    async def reflect(self, failure: Failure) -> Reflection:
        """Return drafts; what a model fails at is told in `degraded`, and never raised."""
        ids = [one.item.item_id for one in failure.task.candidates]
        if failure.target not in ids:
            return Reflection(degraded="the target is not among the candidates")
        spent = Usage()
        reflection = Reflection(degraded="the prompt does not fit the model's context")
        for detail in SHORTER:
            talk = _Talk(self, failure, detail)
            try:
                reflection = await talk.hold()
            except ContextTooLong as error:
                spent += talk.spent + error.usage
                continue
            break
        return Reflection(
            drafts=reflection.drafts,
            degraded=reflection.degraded,
            usage=spent + reflection.usage,
            thoughts=reflection.thoughts,
        )


class _Talk:
    def __init__(self, asks: ThreeTurnReflector, failure: Failure, detail: Detail) -> None:
        self.spent = Usage()
        self._asks = asks
        self._failure = failure
        task = failure.task
        names = labels(len(task.candidates))
        self._label = {
            one.item.item_id: name for one, name in zip(task.candidates, names, strict=True)
        }
        self._shown = _Shown(
            session=session_lines(task.session, detail),
            candidates=candidate_lines(task.candidates, names, detail),
            extras=extra_lines(task.request, task.hint),
            ranking=" > ".join(self._label[i] for i in failure.order if i in self._label),
        )
        self._success = success_lines(failure.success, detail)
        self._answer = next(
            f"[{self._label[failure.target]}] {sanitise(one.item.title, detail.title)}"
            for one in task.candidates
            if one.item.item_id == failure.target
        )
        self._said: list[BaseMessage] = [SystemMessage(prompt("reflect").text)]

    async def hold(self) -> Reflection:
        """Hold the three turns; raises `ContextTooLong` alone."""
        shown = self._shown._asdict()
        order = self._failure.order
        place = order.index(self._failure.target) + 1 if self._failure.target in order else "?"
        thoughts: dict[str, str] = {}
        missed: list[str] = []
        turns = (
            ("guess", prompt("reflect_guess").fill(**shown, places=self._failure.task.k)),
            (
                "explanation",
                prompt("reflect_explain").fill(
                    **shown, success=self._success, answer=self._answer, place=place
                ),
            ),
        )
        for name, words in turns:
            try:
                thoughts[name] = await self._think(name, words)
            except ContextTooLong:
                raise
            except ModelError as error:
                self.spent += error.usage
                missed.append(f"no {name} ({describe(error)})")
        try:
            drafts = await self._write()
        except ContextTooLong:
            raise
        except ModelError as error:
            self.spent += error.usage
            missed.append(f"no hints ({describe(error)})")
            drafts = ()
        return Reflection(
            drafts=drafts,
            degraded="; ".join(missed) or None,
            usage=self.spent,
            thoughts=thoughts,
        )

    async def _think(self, name: str, words: str) -> str:
        schema = Schema(name=name, json=_object({name: {"type": "string"}}))
        question = HumanMessage(words)
        answer = await self._asks.client.ask(
            [*self._said, question],
            schema,
            accept=lambda answer: bool(_thought(answer, name)),
            keep=lambda _: True,  # of an answer that ran on and on, the beginning is good enough
            deadline=self._asks.deadline,
        )
        self.spent += answer.usage
        self._said += [question, AIMessage(answer.text)]
        return _thought(answer, name)

    async def _write(self) -> tuple[HintDraft, ...]:
        words = prompt("reflect_write").fill(
            **self._shown._asdict(),
            success=self._success,
            answer=self._answer,
            drafts=self._asks.drafts,
        )
        text = {"type": "string"}
        hint = _object({"title": text, "text": text, "when": text})
        hints = {"type": "array", "items": hint, "minItems": 1, "maxItems": self._asks.drafts}
        answer = await self._asks.client.ask(
            [*self._said, HumanMessage(words)],
            Schema(name="hints", json=_object({"hints": hints})),
            accept=lambda answer: bool(read_drafts(answer.text, self._asks.drafts)),
            deadline=self._asks.deadline,
        )
        self.spent += answer.usage
        return read_drafts(answer.text, self._asks.drafts)


def read_drafts(text: str, most: int) -> tuple[HintDraft, ...]:
    """Return the hints of an answer's JSON, cleaned and cut; equal ones once."""
    drafts: dict[str, HintDraft] = {}
    for value in json_objects(strip_thoughts(text)):
        rows = value.get("hints", [value]) if isinstance(value, dict) else value
        for row in rows if isinstance(rows, list) else []:
            try:
                draft = _Draft.model_validate({"text": row} if isinstance(row, str) else row)
            except ValidationError:
                continue
            words = sanitise(draft.text, _TEXT)
            if words:
                drafts.setdefault(
                    words.casefold(),
                    HintDraft(
                        text=words,
                        title=sanitise(draft.title, _TITLE),
                        when=sanitise(draft.when, _WHEN),
                    ),
                )
    return tuple(drafts.values())[:most]


def _thought(answer: Answer, name: str) -> str:
    text = strip_thoughts(answer.text)
    for value in json_objects(text):
        if isinstance(value, dict) and isinstance(value.get(name), str):
            return sanitise(value[name], _THOUGHT)
    if cut := re.match(rf'\s*\{{\s*"{name}"\s*:\s*"((?:[^"\\]|\\.)+)', text):
        return sanitise(re.sub(r"\\.", " ", cut.group(1)), _THOUGHT)
    return "" if text.lstrip().startswith(("{", "[")) else sanitise(text, _THOUGHT)


def _object(properties: dict[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
