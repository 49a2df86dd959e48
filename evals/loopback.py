"""A server on loopback that speaks OpenAI's protocol and answers as a benchmark says; no model."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model

Reply = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, object]]]
"""Makes the answer's body out of the request's."""


@asynccontextmanager
async def loopback(reply: Reply) -> AsyncIterator[BaseChatModel]:
    """Run a server, and yield a client for its chat completions."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                data = json.dumps(await reply(body)).encode()
                kind = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                writer.write(kind + b"content-length: %d\r\n\r\n" % len(data) + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 20)
    port = listening.sockets[0].getsockname()[1]
    config = ModelConfig(
        model="loopback", base_url=f"http://127.0.0.1:{port}/v1", api_key=SecretStr("none")
    )
    model = open_chat_model(config)
    try:
        yield model
    finally:
        await close_chat_model(model)
        listening.close()
        await asyncio.sleep(0)


def chat_reply(
    text: str, *, read: int, wrote: int, cached: int = 0, first: Sequence[str] = ()
) -> dict[str, object]:
    """Return the body of an answer.

    Args:
        text: what the model wrote.
        read: input tokens.
        wrote: output tokens.
        cached: of the input tokens.
        first: the first token's likeliest values, where they were asked for.
    """
    choice: dict[str, object] = {"index": 0, "finish_reason": "stop"}
    if first:
        top = [{"token": name, "logprob": -float(n), "bytes": None} for n, name in enumerate(first)]
        choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}
    choice["message"] = {"role": "assistant", "content": text}
    usage = {
        "prompt_tokens": read,
        "completion_tokens": wrote,
        "total_tokens": read + wrote,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    made = {"id": "c", "object": "chat.completion", "created": 1, "model": "loopback"}
    return {**made, "choices": [choice], "usage": usage}
