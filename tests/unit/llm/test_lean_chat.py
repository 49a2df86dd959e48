"""The short way through langchain-openai's model asks and answers as the long one does."""

import asyncio
from typing import Any

import pytest
from conftest import KEY
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

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
        said.append(await model.ainvoke(ASKED, **options))
    long, lean = server.requests
    assert lean == long
    assert {f"authorization: bearer {KEY}"} <= set(server.headers[1].lower().splitlines())
    assert ("x-shop: 1" in server.headers[1].lower()) == ("extra_headers" in options)
    for one in said:
        one.id = None
        one.additional_kwargs.pop("refusal", None)
    left, right = (one.model_dump() for one in said)
    told, short = left.pop("response_metadata"), right.pop("response_metadata")
    assert left == right
    assert told["logprobs"]["content"] == short["logprobs"]["content"] == LOGPROBS["content"]
    for name in ("finish_reason", "model_name", "id"):
        assert told[name] == short[name]


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
