"""The stand-in as a chat model: it finds out what it is asked, and answers as it was told to."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from re2llm.llm.standin.advice import same
from re2llm.llm.standin.evidence import signals
from re2llm.llm.standin.judgement import judge, log_shares, order
from re2llm.llm.standin.lessons import explanation, guess, lessons
from re2llm.llm.standin.reading import Scene, outside, read_parts, read_scene

IDENTITY = "re2llm-stand-in-2"
"""Names the stand-in in caches and reports; raised whenever an answer could change."""

_PLACES = re.compile(r"Name the (\d+) candidates")
_FIRST = re.compile(r"first (\d+) candidates")
_DRAFTS = re.compile(r"Write up to (\d+) different hints")
_REASONS = re.compile(r"for the first (\d+) labels")
_LABEL = re.compile(r"\[([^\]]{1,8})\]")
_WHY = {
    "words": "its title goes with what was chosen",
    "brand": "same brand",
    "category": "same category",
    "platform": "same platform",
    "genres": "shares genres",
    "era": "of the same era",
    "next": "often bought next",
    "popular": "popular now",
    "request": "meets the request",
}
_PUZZLED = "I rank products for shoppers; I cannot make out what is asked here."


class StandInModel(BaseChatModel):
    """A deterministic chat model without a language model behind it.

    It sees the messages it is given and nothing else; it is for running the whole system anywhere,
    and for tests. What it cannot make out it says so in a sentence, as a model would.
    """

    model_name: str = IDENTITY

    @property
    def _llm_type(self) -> str:
        return IDENTITY

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return answer(messages, kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return answer(messages, kwargs)


def answer(messages: Sequence[BaseMessage], options: Mapping[str, object]) -> ChatResult:
    """Answer the last message."""
    question = messages[-1].text if messages else ""
    parts, asked = read_parts(question), outside(question)
    scene = read_scene(parts)
    for words, reply in _REPLIES.items():
        if words in asked:
            said, tokens = reply(asked, parts, scene), _tokens(words, scene)
            break
    else:
        said, tokens = _PUZZLED, []
    metadata: dict[str, object] = {"finish_reason": "stop", "model_name": IDENTITY}
    if tokens and options.get("logprobs"):
        most = options.get("top_logprobs")
        top = tokens[: most if isinstance(most, int) else 1]
        metadata["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    read = sum(len(message.text) for message in messages) // 4
    usage = UsageMetadata(
        input_tokens=read, output_tokens=len(said) // 4 + 1, total_tokens=read + len(said) // 4 + 1
    )
    message = AIMessage(said, usage_metadata=usage, response_metadata=metadata)
    return ChatResult(generations=[ChatGeneration(message=message)])


def _rank(text: str, _parts: dict[str, str], scene: Scene) -> str:
    if not scene.candidates:
        return _PUZZLED
    places = order(judge(scene).scores)
    labels = [scene.candidates[place].label for place in places]
    wanted = _PLACES.search(text)
    told: dict[str, object] = {"ranking": " ".join(labels[: int(wanted[1]) if wanted else None])}
    if (asked := _REASONS.search(text)) is not None:
        found = signals(scene, 0.9)
        told["reasons"] = [
            {"label": scene.candidates[place].label, "why": _why(found, place)}
            for place in places[: int(asked[1])]
        ]
    return json.dumps(told)


def _why(found: Mapping[str, Sequence[float]], place: int) -> str:
    best = sorted(_WHY, key=lambda name: -found[name][place])[:2]
    said = [_WHY[name] for name in best if found[name][place] > 0.5]
    return ", ".join(said) or "the best of what is left"


def _one_label(_text: str, _parts: dict[str, str], scene: Scene) -> str:
    if not scene.candidates:
        return _PUZZLED
    return scene.candidates[order(judge(scene).scores)[0]].label


def _tokens(words: str, scene: Scene) -> list[dict[str, object]]:
    if words != _LABEL_ALONE or not scene.candidates:
        return []
    scores = judge(scene).scores
    shares = log_shares(scores)
    return [
        {"token": scene.candidates[place].label, "logprob": shares[place], "bytes": None}
        for place in order(scores)
    ]


def _guess(text: str, parts: dict[str, str], scene: Scene) -> str:
    asked = _FIRST.search(text)
    places = int(asked[1]) if asked else 10
    return json.dumps({"guess": guess(scene, _ranked(parts), places)})


def _explain(_text: str, parts: dict[str, str], scene: Scene) -> str:
    return json.dumps({"explanation": explanation(scene, _ranked(parts), _chosen(parts))})


def _write(text: str, parts: dict[str, str], scene: Scene) -> str:
    asked = _DRAFTS.search(text)
    told = lessons(scene, _ranked(parts), _chosen(parts), parts.get("success", ""))[
        : int(asked[1]) if asked else 3
    ]
    if not told:
        return "Nothing in the lines tells the chosen candidate apart; I have no advice to give."
    hints = [{"title": title, "text": words, "when": when} for title, words, when in told]
    return json.dumps({"hints": hints})


def _same(_text: str, parts: dict[str, str], _scene: Scene) -> str:
    return json.dumps({"same": same(parts.get("first", ""), parts.get("second", ""))})


def _which(_text: str, parts: dict[str, str], _scene: Scene) -> str:
    first = parts.get("first", "")
    for line in parts.get("others", "").splitlines():
        number, _, words = line.partition(". ")
        if number.strip().isdigit() and same(first, words):
            return json.dumps({"number": int(number)})
    return json.dumps({"number": 0})


def _merge(_text: str, parts: dict[str, str], _scene: Scene) -> str:
    first, second = parts.get("first", ""), parts.get("second", "")
    return json.dumps({"text": first if same(first, second) else f"{first} {second}"})


def _ranked(parts: dict[str, str]) -> list[str]:
    return [label.strip() for label in parts.get("ranking", "").split(">")]


def _chosen(parts: dict[str, str]) -> str:
    found = _LABEL.search(parts.get("answer", ""))
    return found[1] if found else ""


_LABEL_ALONE = "Answer with its label alone"
_REPLIES: Mapping[str, Callable[[str, dict[str, str], Scene], str]] = {
    "Turn 1, guess the mistake": _guess,
    "Turn 2, explain the miss": _explain,
    "Turn 3, write hints": _write,
    "Do both ask for the same?": _same,
    "Which of the numbered ones asks for the same": _which,
    "Write the one piece of advice": _merge,
    _LABEL_ALONE: _one_label,
    '{"ranking": "label': _rank,
}
"""By the words of the instruction, as a model would tell."""
