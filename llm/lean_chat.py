"""How a server is asked at the least cost of our own: langchain-openai's model, the short way."""

import inspect
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    Callbacks,
)
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult, LLMResult
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr

from re2llm.llm.departures import Departures
from re2llm.llm.wire import Wire

_APART = frozenset({"response_format", "extra_headers", "extra_query", "timeout"})
"""Arguments that are no plain fields of the request's body; with them the long way is taken."""

_FOR_LISTENERS = frozenset(
    {
        *("tags", "metadata", "run_name", "run_id"),
        *("ls_structured_output_format", "structured_output_format"),
    }
)
"""Arguments that name a question to callbacks and traces, and say nothing to the server."""


class LeanChatOpenAI(ChatOpenAI):
    """`ChatOpenAI`, whose plain questions are sent as they are and read as they come.

    OpenAI's client walks through every request by its types and builds typed objects out of every
    answer, which langchain-openai takes apart again, in a thread. That is half of what a question
    costs us. Here the request that langchain-openai makes goes out as plain JSON, with the keys,
    errors and connections of OpenAI's client, and langchain-openai reads the plain answer.

    Questions that come at once leave a little apart (`Departures`).
    """

    _departures: Departures = PrivateAttr(default_factory=Departures)
    _wire: Wire | None = PrivateAttr(default=None)

    async def agenerate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer one question; where nobody listens (no callbacks, no tracing), nobody is told."""
        heard = AsyncCallbackManager.configure(callbacks, self.callbacks, self.verbose).handlers
        plain = len(messages) == 1 and all(isinstance(one.content, str) for one in messages[0])
        if heard or not plain:
            return await super().agenerate(messages, stop, callbacks, **kwargs)
        options = {name: value for name, value in kwargs.items() if name not in _FOR_LISTENERS}
        made = await self._agenerate_with_cache(messages[0], stop=stop, **options)
        return LLMResult(generations=[[*made.generations]], llm_output=made.llm_output)

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
        await self._departures.turn()
        return self._create_chat_result(await self._wired().post({**payload, **more}))

    def _wired(self) -> Wire:
        if self._wire is None:
            http = self.root_async_client._client
            self._wire = Wire(self.root_async_client, http, "/chat/completions")
        return self._wire


# langchain-core looks at it for every question, and finds it ten times as fast where it is kept.
LeanChatOpenAI._agenerate.__signature__ = inspect.signature(  # type: ignore[attr-defined]
    LeanChatOpenAI._agenerate
)
