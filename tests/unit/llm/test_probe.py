"""What a server can do: found once, kept, and read where models are opened."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.messages import HumanMessage
from openai import AsyncOpenAI
from pydantic import SecretStr

from re2llm.llm.context_probe import find_context
from re2llm.llm.errors import ContextTooLong
from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model
from re2llm.llm.probe import Probe, load_probe, probe, remember_forms, save_probe
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.room import Room
from re2llm.llm.usage import Usage


class ContextServer:
    """Lists its models and counts words; `refuses` past its context, or cuts in silence."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] | None = []
        self.context = 4096
        self.refuses: str | None = "This model's maximum context length is {n} tokens."
        self.asked: list[int] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = head.partition("content-length:")[2].split("\r\n")[0]
                body = json.loads(await reader.readexactly(int(length)) if length else b"{}")
                status, reply = self.reply(body)
                data = json.dumps(reply).encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(data)}\r\n\r\n".encode()
                    + data
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def reply(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        error = {"type": "t", "param": None, "code": None}
        if not body:
            if self.models is None:
                return 404, {"error": {**error, "message": "not found"}}
            made = {"object": "model", "created": 1, "owned_by": "o"}
            return 200, {"object": "list", "data": [{**made, **one} for one in self.models]}
        count = len(body["messages"][0]["content"].split())
        self.asked.append(count)
        if count > self.context and self.refuses is not None:
            said = {**error, "message": self.refuses.format(n=self.context)}
            return 400, {"error": {**said, "code": "context_length_exceeded"}}
        counted = min(count, self.context)
        message = {"role": "assistant", "content": "x"}
        return 200, {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "length", "message": message}],
            "usage": {
                "prompt_tokens": counted,
                "completion_tokens": 1,
                "total_tokens": counted + 1,
            },
        }

    async def found(self, *, ask: bool = True):
        config = ModelConfig(model="m", base_url=self.url, api_key=SecretStr("k"), timeout=20)
        model = open_chat_model(config)
        async with AsyncOpenAI(base_url=self.url, api_key="k", max_retries=0) as server:
            found = await find_context(server, "m", model, ask=ask)
        await close_chat_model(model)
        return found


@pytest_asyncio.fixture
async def speaks() -> AsyncIterator[ContextServer]:
    server = ContextServer()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, limit=1 << 20)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    yield server
    listening.close()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "told",
    [{"max_model_len": 8192}, {"meta": {"n_ctx": 8192, "n_ctx_train": 131072}}],
)
async def test_a_context_that_is_listed_is_taken_from_there(speaks, told):
    speaks.models = [{"id": "other", "max_model_len": 5}, {"id": "m", **told}]
    found = await speaks.found()
    assert (found.tokens, speaks.asked) == (8192, [])
    assert "8,192" in found.words


async def test_a_refusal_names_the_context_and_one_question_is_enough(speaks):
    found = await speaks.found()
    assert found.tokens == 4096
    assert len(speaks.asked) == 1


async def test_a_refusal_without_a_number_is_followed_by_shorter_prompts(speaks):
    speaks.models, speaks.refuses = None, "too many tokens"
    found = await speaks.found()
    assert found.tokens == 4096
    assert speaks.asked == [32768, 16384, 8192, 4096]
    speaks.context = 100
    assert (await speaks.found()).tokens is None


async def test_prompts_cut_in_silence_are_found_out(speaks):
    speaks.refuses, speaks.context = None, 2048
    found = await speaks.found()
    assert found.tokens == 2048
    assert "silence" in found.how


async def test_a_context_beyond_what_is_tried_limits_nothing(speaks):
    speaks.context = 1_000_000
    assert (await speaks.found()).tokens is None


async def test_nothing_is_asked_where_it_is_not_allowed(speaks):
    assert (await speaks.found(ask=False)).tokens is None
    assert speaks.asked == []


def test_room_lets_through_what_may_fit_and_learns_from_what_is_counted():
    short, long = [HumanMessage("x" * 500)], [HumanMessage("x" * 5000)]
    Room(None).check(long)
    room = Room(1000)
    room.check(long)  # 5 tokens in 6 characters of it would fit
    room.learn(short, Usage(input_tokens=250))
    with pytest.raises(ContextTooLong, match="1000"):
        room.check(long)
    room.check([HumanMessage("x" * 2200)])
    Room(1000, apart=True).check(long * 3)
    with pytest.raises(ContextTooLong):
        Room(1000).check(long * 3)


async def test_the_form_that_was_found_is_there_for_the_next_process(server, make, tmp_path):
    server.behaviours = ["no-schema"]
    path = tmp_path / "servers.json"
    save_probe(path, "m", Probe(logprobs=True, context=4096))

    def client():
        known = load_probe(path, "m")
        forms = {"forms": known.forms} if known is not None and known.forms else {}
        return server.client(**forms, remember=lambda found: remember_forms(path, "m", found))

    await ListwiseReranker(client=client()).rerank(make(3))
    assert len(server.requests) == 3
    known = load_probe(path, "m")
    assert known == Probe(forms=("json_object", "text"), logprobs=True, context=4096)
    again = client()
    assert again.form == "json_object"
    await ListwiseReranker(client=again).rerank(make(4))
    assert len(server.requests) == 4


async def test_nothing_is_written_where_nothing_is_new(server, make):
    told: list[object] = []
    client = server.client(remember=told.append)
    await ListwiseReranker(client=client).rerank(make(3))
    assert told == []


def test_a_file_that_cannot_be_written_stops_nobody(tmp_path: Path, caplog):
    (tmp_path / "file").write_text("x")
    remember_forms(tmp_path / "file" / "servers.json", "m", ("text",))
    assert "cannot be kept" in caplog.text


@pytest.mark.parametrize(
    ("fault", "forms"),
    [
        ("good", ("json_schema", "plain_schema", "json_object", "text")),
        ("no-pattern", ("plain_schema", "json_object", "text")),
        ("no-schema", ("json_object", "text")),
    ],
)
async def test_the_probe_tells_in_which_forms_a_server_answers(server, fault, forms):
    server.behaviours = [fault]
    server.answer = lambda body: '{"colour": "green"}'
    config = ModelConfig(model="m", base_url=server.url, api_key=SecretStr("k"), timeout=20)
    model = open_chat_model(config)
    server.models.append(model)
    found = await probe(model)
    assert found.forms == forms
    assert found.logprobs is False
    assert found.context is None
