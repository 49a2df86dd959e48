"""What a model server can do: asked once by `re2llm doctor`, and read wherever it is used."""

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import TypeAdapter, ValidationError

from re2llm.llm.answer import Answer, Options, Schema
from re2llm.llm.ask import FORMS, Asker, Form
from re2llm.llm.errors import ModelError
from re2llm.llm.forms import json_objects, strip_thoughts

_log = logging.getLogger(__name__)
_QUESTION = 'Which of these words is a colour: chair, green, seven? Answer as {"colour": "..."}.'
_SCHEMA = Schema(
    name="colour",
    json={
        "type": "object",
        "properties": {"colour": {"type": "string", "pattern": "^(chair|green|seven)$"}},
        "required": ["colour"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found.

    Attributes:
        forms: forms of answer that the server takes and that came back readable, strictest first.
        logprobs: whether it gives the probabilities of the first token, so that one token ranks;
            None where it was not asked.
        echo: whether it gives prompts back with log-probabilities; None where it was not asked.
        context: the longest prompt with its answer, in tokens; None where it is not known.
        seconds: for the quickest short answer.
        problem: why nothing was found, or None.
    """

    forms: tuple[Form, ...] = ()
    logprobs: bool | None = None
    echo: bool | None = None
    context: int | None = None
    seconds: float = 0.0
    problem: str | None = None


_PROBES = TypeAdapter(dict[str, Probe])


async def probe(model: BaseChatModel) -> Probe:
    """Ask a server a few short questions; whatever it does is an answer."""
    forms: list[Form] = []
    seconds: list[float] = []
    problem: str | None = None
    for form in FORMS:
        asker = Asker(model, forms=[form])
        started = time.perf_counter()
        try:
            answer = await asker.ask([HumanMessage(_QUESTION)], _SCHEMA, Options(max_tokens=200))
        except ModelError as error:
            problem = problem or str(error)
            continue
        seconds.append(time.perf_counter() - started)
        if form == "text" or _reads(answer):
            forms.append(form)
    if not forms:
        return Probe(problem=problem)
    return Probe(forms=tuple(forms), logprobs=await _logprobs(model), seconds=min(seconds))


async def _logprobs(model: BaseChatModel) -> bool:
    options = Options(max_tokens=1, top_logprobs=5)
    try:
        answer = await Asker(model).ask(
            [HumanMessage("Answer with one letter: A or B?")], None, options
        )
    except ModelError:
        return False
    return len(answer.tokens) > 1


async def gives_prompts_back(model: BaseChatModel) -> bool:
    """Say whether a `ScoreModel`'s server tells how likely it finds given texts."""
    try:
        await Asker(model).ask([SystemMessage("One"), HumanMessage("One two")], None, Options())
    except ModelError:
        return False
    return True


def _reads(answer: Answer) -> bool:
    return any(
        isinstance(value, Mapping) and "colour" in value
        for value in json_objects(strip_thoughts(answer.text))
    )


def save_probe(path: Path, identity: str, found: Probe) -> None:
    """Keep what was found of a model."""
    kept = _read(path)
    kept[identity] = found
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.new")
    beside.write_text(json.dumps({name: asdict(one) for name, one in kept.items()}), "utf-8")
    beside.replace(path)


def remember_forms(path: Path, identity: str, forms: tuple[Form, ...]) -> None:
    """Keep which forms of answer a server takes, as a question found by the way.

    The next process begins with them. What cannot be kept is found again.
    """
    try:
        save_probe(path, identity, replace(load_probe(path, identity) or Probe(), forms=forms))
    except OSError as error:
        _log.warning("what the model server can do cannot be kept: %s", error)


def load_probe(path: Path, identity: str) -> Probe | None:
    """Return what was found of a model, or None where nothing (usable) was kept."""
    return _read(path).get(identity)


def _read(path: Path) -> dict[str, Probe]:
    try:
        return _PROBES.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}
