"""How one request is put to a chat model: in which form, and what its message holds."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from re2llm.llm.answer import Answer, Options, Schema
from re2llm.llm.errors import ModelRefused
from re2llm.llm.faults import FAULTS, FormRefused, translate
from re2llm.llm.usage import Usage

Form = Literal["json_schema", "plain_schema", "json_object", "text"]
"""How strictly the answer's form is asked for; a plain schema is one without patterns."""

FORMS: tuple[Form, ...] = ("json_schema", "plain_schema", "json_object", "text")
_SAID = 2.0
"""Characters per token at the least, for guesses that must not be too low."""


class Asker:
    """Asks in the strictest form that this server takes, and remembers which that is."""

    def __init__(
        self, model: BaseChatModel, *, forms: Sequence[Form] = FORMS, old_token_limit: bool = False
    ) -> None:
        """Wrap a model.

        Args:
            model: any chat model that passes its keyword arguments on.
            forms: what to try, strictest first.
            old_token_limit: whether an answer's length is limited by `max_tokens` alone.
        """
        self._model = model
        self._forms = tuple(forms)
        self._old = old_token_limit

    @property
    def forms(self) -> tuple[Form, ...]:
        """What is left to try, strictest first."""
        return self._forms

    @property
    def form(self) -> Form:
        """The form that goes first."""
        return self._forms[0]

    async def ask(
        self, messages: Sequence[BaseMessage], schema: Schema | None, options: Options
    ) -> Answer:
        """Send the question; a form that the server refuses is followed by a looser one.

        Raises:
            ModelError: translated from whatever the library raised.
        """
        forms = self._forms if schema is not None else ("text",)
        for form in forms:
            if form == "plain_schema" and form != forms[0] and schema and schema.is_plain:
                continue
            try:
                answer = await self._send(messages, schema, options, form)
            except FormRefused:
                if form == forms[-1]:
                    raise
                continue
            if schema is not None and form in self._forms:
                self._forms = self._forms[self._forms.index(form) :]
            return answer
        raise AssertionError("there is always a last form")

    async def _send(
        self,
        messages: Sequence[BaseMessage],
        schema: Schema | None,
        options: Options,
        form: Form,
    ) -> Answer:
        body: dict[str, object] = {}
        if schema is not None and form in ("json_schema", "plain_schema"):
            told = schema.json if form == "json_schema" else schema.plain
            wanted = {"name": schema.name, "strict": True, "schema": told}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        elif schema is not None and form == "json_object":
            body["response_format"] = {"type": form}
        arguments: dict[str, Any] = {}
        if options.max_tokens is not None:
            (body if self._old else arguments)["max_tokens"] = options.max_tokens
        if options.top_logprobs is not None:
            arguments |= {"logprobs": True, "top_logprobs": options.top_logprobs}
        arguments |= self._carried(body)
        try:
            message = await self._model.ainvoke(list(messages), **arguments)
        except FAULTS as error:
            raise translate(error) from error
        return _read(messages, message)

    def _carried(self, body: dict[str, object]) -> dict[str, object]:
        """Return the arguments that carry fields of the request's body.

        OpenAI's client walks through a schema that it knows of for milliseconds, and withholds the
        text of a cut-off answer; what it takes as extra it sends as it is.
        """
        if not body or not hasattr(self._model, "extra_body"):
            return body
        return {"extra_body": {**(self._model.extra_body or {}), **body}}


def most_usage(messages: Sequence[BaseMessage], options: Options, default: int) -> Usage:
    """Return more than a question can use, for budgets and token limits."""
    said = sum(len(str(message.content)) for message in messages)
    return Usage(
        calls=1,
        input_tokens=int(said / _SAID) + 16 * len(messages),
        output_tokens=options.max_tokens or default,
    )


def _read(messages: Sequence[BaseMessage], message: AIMessage) -> Answer:
    """Read what came back.

    Raises:
        ModelRefused: a content filter ended the answer; what stands before it is no whole answer,
            and was paid for all the same.
    """
    text = message.text
    counted = message.usage_metadata
    if counted is None:
        usage = _guessed(messages, text)
    else:
        usage = Usage(
            calls=1,
            input_tokens=counted["input_tokens"],
            cached_tokens=counted.get("input_token_details", {}).get("cache_read") or 0,
            output_tokens=counted["output_tokens"],
        )
    finish = message.response_metadata.get("finish_reason")
    if finish == "content_filter":
        refused = ModelRefused(f"content filter: the answer ended after {text[:40]!r}")
        refused.usage = usage
        raise refused
    tokens = _first(message.response_metadata)
    return Answer(text=text, usage=usage, tokens=tokens, cut=finish == "length")


def _first(metadata: Mapping[str, object]) -> tuple[tuple[str, float], ...]:
    """Return the first token's likeliest values, likeliest first."""
    logprobs = metadata.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    first = content[0] if isinstance(content, list) and content else None
    top = first.get("top_logprobs") if isinstance(first, Mapping) else None
    pairs = [
        (str(entry["token"]), float(entry["logprob"]))
        for entry in (top if isinstance(top, list) else [])
        if isinstance(entry, Mapping) and {"token", "logprob"} <= entry.keys()
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def _guessed(messages: Sequence[BaseMessage], text: str) -> Usage:
    said = sum(len(str(message.content)) for message in messages)
    return Usage(calls=1, input_tokens=said // 4, output_tokens=len(text) // 4)
