"""A server that speaks OpenAI's protocol on loopback, and misbehaves as it is told."""

import asyncio
import gc
import json
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.language_models import BaseChatModel
from llm_tasks import make_task
from pydantic import SecretStr
from score_server import ScoreServer

from re2llm.llm.client import ModelClient
from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model
from re2llm.llm.patience import Patience
from re2llm.llm.ranking import RankTask

KEY = "sk-secret-of-the-test"


def completion(text: str | None, *, finish: str = "stop", **more: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text},
                **more,
            }
        ],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64},
        },
    }


@dataclass
class FaultServer:
    """Answers each request by the next behaviour; the last one stays."""

    behaviours: list[str] = field(default_factory=lambda: ["good"])
    pick: Callable[[int], str] | None = None
    answer: Callable[[dict[str, Any]], str] = lambda body: '{"ranking": "A2 A1 A3"}'
    more: dict[str, Any] = field(default_factory=dict)
    delay: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    url: str = ""
    models: list[BaseChatModel] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def next(self) -> str:
        number = len(self.requests) - 1
        if self.pick is not None:
            return self.pick(number)
        return self.behaviours[min(number, len(self.behaviours) - 1)]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    int(line.split(":")[1])
                    for line in head.split("\r\n")
                    if line.lower().startswith("content-length")
                )
                body = json.loads(await reader.readexactly(length))
                self.requests.append(body)
                self.headers.append(head)
                if not await self.reply(self.next(), body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def reply(self, how: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        if self.delay:
            await asyncio.sleep(self.delay)
        text = self.answer(body)
        if how == "hang":
            await asyncio.sleep(30)
            return False
        if how == "cut":
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"id": "c1", "cho')
            await writer.drain()
            return False
        if how == "drip":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
            for _ in range(300):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.1)
            return False
        status, extra, payload = 200, "", completion(text, **self.more)
        error = {"message": "no", "type": "t", "param": None, "code": None}
        match how:
            case "429":
                status, payload = 429, {"error": error}
            case "429-after":
                status, extra, payload = 429, "retry-after: 0.05\r\n", {"error": error}
            case "500":
                status, payload = 500, {"error": error}
            case "401":
                status, payload = 401, {"error": {**error, "message": f"bad key {KEY[:3]}..."}}
            case "no-form":
                if "response_format" in body:
                    status, payload = 400, {"error": {**error, "message": "response_format?"}}
            case "no-schema":
                if body.get("response_format", {}).get("type") == "json_schema":
                    status, payload = 400, {"error": {**error, "message": "json_schema?"}}
            case "long":
                if len(json.dumps(body["messages"])) > 6000:
                    code = "context_length_exceeded"
                    status, payload = 400, {"error": {**error, "code": code}}
            case "no-pattern":
                if '"pattern"' in json.dumps(body.get("response_format", {})):
                    status, payload = 400, {"error": {**error, "message": "pattern?"}}
            case "overflow":
                code = "context_length_exceeded"
                status, payload = 400, {"error": {**error, "code": code}}
            case "filtered":
                payload = completion('{"ranking": "A3 A1 A', finish="content_filter")
            case "filter":
                status, payload = 400, {"error": {**error, "code": "content_filter"}}
            case "truncated":
                payload = completion('{"ranking": "A3 A', finish="length")
            case "wrong-schema":
                payload = completion('{"order_of_things": {"first": 3}}')
            case "no-choices":
                payload = {"id": "c1", "object": "chat.completion", "choices": None}
            case "empty":
                payload = completion("")
            case "null":
                payload = completion(None)
            case "prose":
                payload = completion("The 3 passages are all fine, I like 2 of them. " * 220)
            case "garbage":
                return await self.send(writer, 200, "", b'{"id": "c1", "choices": [{"mess')
        return await self.send(writer, status, extra, json.dumps(payload).encode())

    async def send(
        self, writer: asyncio.StreamWriter, status: int, extra: str, data: bytes
    ) -> bool:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{extra}"
        writer.write(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()
        return True

    def client(self, **more: Any) -> ModelClient:
        config = ModelConfig(model="m", base_url=self.url, api_key=SecretStr(KEY), timeout=20)
        more.setdefault("patience", Patience(deadline=5, pause=0.01))
        model = open_chat_model(config)
        self.models.append(model)
        return ModelClient(model, identity=config.identity, **more)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FaultServer]:
    fault_server = FaultServer()
    listening = await asyncio.start_server(fault_server.handle, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    fault_server.url = f"http://127.0.0.1:{port}/v1"
    yield fault_server
    for model in fault_server.models:
        await close_chat_model(model)
    listening.close()
    for writer in fault_server.writers:
        writer.transport.abort()
    await asyncio.sleep(0.01)
    with warnings.catch_warnings():
        # A connection that was cancelled while it was made leaves its socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest_asyncio.fixture
async def scores() -> AsyncIterator[ScoreServer]:
    server = ScoreServer()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    yield server
    await server.close()
    listening.close()
    await asyncio.sleep(0.01)


@pytest.fixture
def task() -> RankTask:
    return make_task()


@pytest.fixture
def make() -> Callable[..., RankTask]:
    return make_task
