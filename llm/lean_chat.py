"""How a server is asked at the least cost of our own: langchain-openai's model, the short way."""

import asyncio
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr

_APART = frozenset({"response_format", "extra_headers", "extra_query", "timeout"})
"""Arguments that are no plain fields of the request's body; with them the long way is taken."""


class LeanChatOpenAI(ChatOpenAI):
    """`ChatOpenAI`, whose plain questions are sent as they are and read as they come.

    OpenAI's client walks through every request by its types and builds typed objects out of every
    answer, which langchain-openai takes apart again, in a thread. That is half of what a question
    costs us. Here the request that langchain-openai makes goes through OpenAI's client as plain
    JSON, with its keys, errors and connections, and langchain-openai reads the plain answer.

    Of questions that come at once, each is on its way before the next one is made up. Otherwise all
    would leave when the last is made up, and their answers would come all at once again.
    """

    _turn: asyncio.Lock = PrivateAttr(default_factory=asyncio.Lock)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        apart = payload.get("stream") or self.include_response_headers or _APART & payload.keys()
        if apart or self._use_responses_api(payload):
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        more = payload.pop("extra_body", None) or {}
        async with self._turn:
            sending = asyncio.create_task(
                self.root_async_client.post(
                    "/chat/completions", cast_to=object, body={**payload, **more}
                )
            )
            await _started(sending)
        return self._create_chat_result(await sending)


async def _started(task: asyncio.Task[object]) -> None:
    """Let a task run until it waits for others; it ends with us."""
    try:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        task.cancel()
        raise
