"""The short way through langchain-openai's model asks and answers as the long one does."""

import asyncio
from typing import Any

import pytest
from conftest import KEY
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pydantic import SecretStr

from re2llm.llm.faults import translate
from re2llm.llm.lean_chat import LeanChatOpenAI

ASKED = [SystemMessage("Be brief."), HumanMessage("Which one? é \u202e")]
LOGPROBS = {"content": [{"token": "A", "logprob": -0.1, "bytes": None, "top_logprobs": []}]}


def models(url: str, **more: Any) -> list[ChatOpenAI]:
    return [
        kind(
            model="m",
            base_url=url,
            api_key=SecretStr(KEY),
            temperature=0.0,
            max_retries=0,
            use_responses_api=False,
            **more,
        )
        for kind in (ChatOpenAI, LeanChatOpenAI)
    ]


def sent(head: str) -> set[str]:
    """Return the lines of a request's head; how long the body is depends on its blanks."""
    lines = [line.partition(":") for line in head.splitlines()[1:]]
    told = {f"{name.lower()}{mark}{value}" for name, mark, value in lines}
    told -= {"x-stainless-raw-response: true"}  # says that typed objects are made of the answer
    return {line for line in told if not line.startswith("content-length")}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_tokens": 5, "logprobs": True, "top_logprobs": 3},
        {"extra_body": {"response_format": {"type": "json_object"}, "max_tokens": 9}},
        {"stop": ["x"]},
        {"response_format": {"type": "json_object"}},
        {"extra_headers": {"x-shop": "1"}},
    ],
)
async def test_the_short_way_asks_and_answers_as_the_long_one(server, options):
    server.more = {"logprobs": LOGPROBS}
    said = []
    for model in models(server.url, extra_body={"top_k": 4}):
        server.models.append(model)
        await model.ainvoke([HumanMessage("The first one goes all the way.")])
        said.append(await model.ainvoke(ASKED, **options))
    _, long, _, lean = server.requests
    assert lean == long
    head, short = (sent(server.headers[place]) for place in (1, 3))
    assert short == head
    assert f"authorization: Bearer {KEY}" in short
    assert ("x-shop: 1" in short) == ("extra_headers" in options)
    for one in said:
        one.id = None
        one.additional_kwargs.pop("refusal", None)
    left, right = (one.model_dump() for one in said)
    told, short = left.pop("response_metadata"), right.pop("response_metadata")
    assert left == right
    assert told["logprobs"]["content"] == short["logprobs"]["content"] == LOGPROBS["content"]
    for name in ("finish_reason", "model_name", "id"):
        assert told[name] == short[name]


@pytest.mark.parametrize(
    "fault", ["429", "429-after", "500", "401", "cut", "garbage", "overflow", "filter"]
)
async def test_the_short_way_fails_as_the_long_one(server, fault):
    server.behaviours = ["good", fault, "good", fault]
    failed = []
    for model in models(server.url):
        server.models.append(model)
        await model.ainvoke(ASKED)
        with pytest.raises((OpenAIError, ValueError)) as caught:
            await model.ainvoke(ASKED)
        failed.append(caught.value)
    assert len(server.requests) == 4
    long, lean = (translate(error) for error in failed)
    assert type(lean) is type(long)
    assert str(lean).rpartition("Error: ")[2] == str(long).rpartition("Error: ")[2]
    assert getattr(lean, "wait", None) == getattr(long, "wait", None)


class Listener(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.heard: list[str] = []

    async def on_chat_model_start(self, serialized, messages, **kwargs):
        self.heard.append(f"asked: {messages[0][-1].text}")

    async def on_llm_end(self, response, **kwargs):
        self.heard.append(f"told: {response.generations[0][0].text}")

    async def on_llm_error(self, error, **kwargs):
        self.heard.append(f"failed: {type(error).__name__}")


async def test_who_listens_hears_every_question(server):
    server.behaviours = ["good", "good", "500", "good"]
    (_, lean) = models(server.url)
    server.models.append(lean)
    listener = Listener()
    config = {"callbacks": [listener], "run_name": "rank", "tags": ["t"], "metadata": {"m": 1}}
    for _ in range(2):
        await lean.ainvoke(ASKED, config)
    with pytest.raises(Exception, match="no"):
        await lean.ainvoke(ASKED, config)
    asked, told = f"asked: {ASKED[-1].text}", f"told: {server.answer({})}"
    assert listener.heard == [asked, told, asked, told, asked, "failed: InternalServerError"]
    quiet = await lean.ainvoke(ASKED, {"run_name": "rank", "tags": ["t"], "metadata": {"m": 1}})
    assert quiet.text == server.answer({})
    assert server.requests[3] == server.requests[1]


async def test_streaming_takes_the_long_way(server):
    (_, lean) = models(server.url, streaming=True)
    server.models.append(lean)
    server.behaviours = ["500"]
    with pytest.raises(Exception, match="no"):
        await lean.ainvoke(ASKED)
    assert server.requests[0]["stream"] is True


async def test_many_at_once_each_get_their_own_answer(server):
    server.answer = lambda body: body["messages"][-1]["content"]
    (_, lean) = models(server.url)
    server.models.append(lean)
    said = await asyncio.gather(*(lean.ainvoke([HumanMessage(f"q{n}")]) for n in range(40)))
    assert [one.text for one in said] == [f"q{n}" for n in range(40)]


async def test_who_stops_waiting_holds_up_nobody(server):
    server.behaviours = ["hang", "good"]
    (_, lean) = models(server.url)
    server.models.append(lean)
    waiting = [asyncio.create_task(lean.ainvoke(ASKED)) for _ in range(3)]
    for _ in range(3):
        await asyncio.sleep(0)
    waiting[1].cancel()
    assert (await waiting[2]).text == server.answer({})
    assert waiting[1].cancelled()
    waiting[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    assert (await lean.ainvoke(ASKED)).text == server.answer({})
