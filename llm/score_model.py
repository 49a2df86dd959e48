"""How likely a completions server finds given texts: it reads them, and writes nothing."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from openai.types import Completion
from pydantic import ConfigDict, PrivateAttr

from re2llm.llm.errors import ContextTooLong
from re2llm.llm.faults import translate
from re2llm.llm.model import ModelConfig
from re2llm.llm.tails import prompt_tokens, tail, tail_after

_NO_LISTS = (openai.BadRequestError, openai.UnprocessableEntityError, openai.InternalServerError)
"""How servers that take one prompt per request refuse several."""
_REFUSED = (openai.BadRequestError, openai.UnprocessableEntityError, openai.NotFoundError)
"""How servers refuse a parameter that they do not know."""


class ScoreModel(BaseChatModel):
    """Answers with log-probabilities instead of words, so that `ModelClient` can ask it.

    The first message is a prefix, each further one a whole prompt that begins with it. The answer
    is JSON: for every prompt, the sum of the natural log-probabilities of its tokens after the
    prefix, and their number.

    For servers whose completions give the prompt back with log-probabilities (`echo` with
    `logprobs` and no new tokens), as llama.cpp does where `re2llm serve-model` starts it, and for
    those that give `prompt_logprobs` instead, as vLLM does. Which it is, is found once. All prompts
    go out in one request, so that the server works through the prefix once; a server that takes one
    prompt at a time is asked so from then on.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model_name: str
    server: AsyncOpenAI
    _lists: bool = PrivateAttr(default=True)
    _echo: bool | None = PrivateAttr(default=None)

    @property
    def _llm_type(self) -> str:
        return "prompt-log-probabilities"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **more: Any,
    ) -> ChatResult:
        """Score the prompts where no event loop runs."""
        return asyncio.run(self._agenerate(messages, **more))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **more: Any,  # noqa: ARG002
    ) -> ChatResult:
        """Score the prompts.

        Raises:
            openai.OpenAIError: as the server's answer makes it.
            ValueError: the answer holds no log-probabilities of the prompts.
        """
        prefix, *prompts = (str(message.content) for message in messages)
        if self._echo is not None:
            scored = await self._scored(prefix, prompts, echo=self._echo)
        else:
            scored = await self._tried(prefix, prompts)
        message = AIMessage(json.dumps({"scores": scored.scores}), usage_metadata=scored.usage)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _tried(self, prefix: str, prompts: Sequence[str]) -> "_Scored":
        """Score by `echo`, else by `prompt_logprobs`; what works is done from then on."""
        try:
            scored = await self._scored(prefix, prompts, echo=True)
        except (*_REFUSED, ValueError) as first:
            if isinstance(translate(first), ContextTooLong):
                raise
            try:
                scored = await self._scored(prefix, prompts, echo=False)
            except (*_REFUSED, ValueError):
                raise first from None
            self._echo = False
        else:
            self._echo = True
        return scored

    async def _scored(self, prefix: str, prompts: Sequence[str], *, echo: bool) -> "_Scored":
        asked = list(prompts) if echo else [prefix, *prompts]
        replies = await self._ask(asked, echo=echo)
        choices = [one for reply in replies for one in sorted(reply.choices, key=lambda c: c.index)]
        if len(choices) != len(asked):
            raise ValueError(f"{len(choices)} answers to {len(asked)} prompts")
        if echo:
            scores = [
                tail(choice, len(prefix), len(prompt))
                for choice, prompt in zip(choices, prompts, strict=True)
            ]
        else:
            start, *whole = [prompt_tokens(choice) for choice in choices]
            scores = [tail_after(start, tokens) for tokens in whole]
        return _Scored(scores, _usage(replies))

    async def _ask(self, prompts: Sequence[str], *, echo: bool) -> list[Completion]:
        first: list[Completion] = []
        if self._lists and len(prompts) > 1:
            try:
                return [await self._send(list(prompts), echo=echo)]
            except _NO_LISTS as refused:
                try:
                    first = [await self._send(prompts[0], echo=echo)]
                except _NO_LISTS:
                    raise refused from None
                self._lists = False
        # One after the other: a server that takes no lists works on one prompt at a time as well.
        return first + [await self._send(prompt, echo=echo) for prompt in prompts[len(first) :]]

    async def _send(self, prompt: str | list[str], *, echo: bool) -> Completion:
        if echo:
            return await self.server.completions.create(
                model=self.model_name,
                prompt=prompt,
                max_tokens=0,
                echo=True,
                logprobs=1,
                temperature=0,
            )
        return await self.server.completions.create(
            model=self.model_name,
            prompt=prompt,
            max_tokens=1,
            temperature=0,
            extra_body={"prompt_logprobs": 0},
        )


class _Scored(NamedTuple):
    scores: list[tuple[float, int]]
    usage: UsageMetadata | None


def open_score_model(config: ModelConfig) -> ScoreModel:
    """Make the client; it retries nothing by itself."""
    key = config.api_key.get_secret_value() if config.api_key is not None else ""
    server = AsyncOpenAI(
        base_url=config.base_url,
        api_key=key or "none",
        timeout=config.timeout,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(),
    )
    return ScoreModel(model_name=config.model, server=server)


async def close_score_model(model: ScoreModel) -> None:
    """Close a client's connections; call it in the event loop that used them."""
    await model.server.close()


def _usage(replies: Sequence[Completion]) -> UsageMetadata | None:
    counted = [reply.usage for reply in replies if reply.usage is not None]
    if len(counted) < len(replies):
        return None
    read = sum(usage.prompt_tokens for usage in counted)
    wrote = sum(usage.completion_tokens for usage in counted)
    details = [usage.prompt_tokens_details for usage in counted]
    cached = sum((detail.cached_tokens or 0) for detail in details if detail is not None)
    return UsageMetadata(
        input_tokens=read,
        output_tokens=wrote,
        total_tokens=read + wrote,
        input_token_details=InputTokenDetails(cache_read=cached),
    )
