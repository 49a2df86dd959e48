"""How likely a completions server finds given texts: it reads them, and writes nothing."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from openai.types import Completion, CompletionChoice
from pydantic import ConfigDict, PrivateAttr

from re2llm.llm.model import ModelConfig

_NO_LISTS = (openai.BadRequestError, openai.UnprocessableEntityError, openai.InternalServerError)
"""How servers that take one prompt per request refuse several."""


class ScoreModel(BaseChatModel):
    """Answers with log-probabilities instead of words, so that `ModelClient` can ask it.

    The first message is a prefix, each further one a whole prompt that begins with it. The answer
    is JSON: for every prompt, the sum of the natural log-probabilities of its tokens after the
    prefix, and their number.

    For servers whose completions give the prompt back with log-probabilities (`echo` with
    `logprobs` and no new tokens): vLLM, and llama.cpp as `re2llm serve-model` starts it. All
    prompts go out in one request, so that the server works through the prefix once; a server that
    takes one prompt at a time is asked so from then on.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model_name: str
    server: AsyncOpenAI
    _lists: bool = PrivateAttr(default=True)

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
        replies = await self._ask(prompts)
        choices = [one for reply in replies for one in sorted(reply.choices, key=lambda c: c.index)]
        if len(choices) != len(prompts):
            raise ValueError(f"{len(choices)} answers to {len(prompts)} prompts")
        scores = [
            tail(choice, len(prefix), len(prompt))
            for choice, prompt in zip(choices, prompts, strict=True)
        ]
        message = AIMessage(json.dumps({"scores": scores}), usage_metadata=_usage(replies))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _ask(self, prompts: Sequence[str]) -> list[Completion]:
        first: list[Completion] = []
        if self._lists and len(prompts) > 1:
            try:
                return [await self._send(list(prompts))]
            except _NO_LISTS as refused:
                try:
                    first = [await self._send(prompts[0])]
                except _NO_LISTS:
                    raise refused from None
                self._lists = False
        # One after the other: a server that takes no lists works on one prompt at a time as well.
        return first + [await self._send(prompt) for prompt in prompts[len(first) :]]

    async def _send(self, prompt: str | list[str]) -> Completion:
        return await self.server.completions.create(
            model=self.model_name, prompt=prompt, max_tokens=0, echo=True, logprobs=1, temperature=0
        )


def tail(choice: CompletionChoice, start: int, end: int) -> tuple[float, int]:
    """Return the summed log-probability and the number of the tokens between two characters.

    A token that reaches over `start` belongs to the tail; what the server wrote after `end`, if
    anything, does not.

    Raises:
        ValueError: the server gave no log-probabilities of the prompt.
    """
    given = choice.logprobs
    if given is None or not given.text_offset or not given.token_logprobs or not given.tokens:
        raise ValueError("the server gives no log-probabilities of prompts")
    offsets = [offset - given.text_offset[0] for offset in given.text_offset]
    ends = [*offsets[1:], offsets[-1] + len(given.tokens[-1])]
    values = [
        value
        for value, first, last in zip(given.token_logprobs, offsets, ends, strict=True)
        if last > start and first < end
    ]
    known = [value for value in values if value is not None]
    if not known:
        raise ValueError("the server gives no log-probabilities of prompts")
    return sum(known), len(known)


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
