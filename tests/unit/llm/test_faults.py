"""A slate every time: the reranker against a server with every fault that we know."""

import json
import re
import time
from dataclasses import replace

import pytest

from re2llm.llm.answer import Answer, Options
from re2llm.llm.breaker import Breaker
from re2llm.llm.cache import AnswerCache, question_key
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.patience import Patience
from re2llm.llm.rank_prompt import rank_messages
from re2llm.llm.rerank import ListwiseReranker, rank_schema
from re2llm.llm.room import Room
from re2llm.llm.usage import Usage

IDS = ("c0", "c1", "c2")
GOOD = ("c1", "c0", "c2")


@pytest.mark.parametrize(
    "fault",
    ["429", "429-after", "500", "cut", "garbage", "wrong-schema", "no-choices", "empty", "prose"],
)
async def test_one_fault_is_outlived(server, task, fault):
    server.behaviours = [fault, "good"]
    answer = await ListwiseReranker(client=server.client()).rerank(task)
    assert answer.order == GOOD
    assert answer.degraded is None
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        ("429", 4),
        ("500", 4),
        ("cut", 4),
        ("garbage", 2),
        ("wrong-schema", 2),
        ("empty", 2),
        ("prose", 2),
        ("401", 1),
        ("filter", 1),
    ],
)
async def test_a_lasting_fault_leaves_the_retrieval_order_and_says_so(
    server, task, fault, requests
):
    server.behaviours = [fault]
    answer = await ListwiseReranker(client=server.client()).rerank(task)
    assert answer.order == IDS
    assert answer.listed == 0
    assert answer.degraded
    assert len(server.requests) == requests


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_the_deadline_is_for_the_slate_and_not_for_an_attempt(server, task, fault):
    server.behaviours = [fault]
    client = server.client(patience=Patience(deadline=0.6, pause=0.01))
    start = time.monotonic()
    answer = await ListwiseReranker(client=client).rerank(task)
    assert time.monotonic() - start < 10
    assert answer.order == IDS
    assert answer.degraded is not None
    assert "in time" in answer.degraded or "within" in answer.degraded


async def test_a_hang_leaves_time_for_another_attempt(server, task):
    server.behaviours = ["hang", "good"]
    client = server.client(patience=Patience(deadline=1.5, pause=0.01))
    assert (await ListwiseReranker(client=client).rerank(task)).order == GOOD


async def test_a_cut_off_answer_gives_what_it_has_and_is_not_kept(server, task, tmp_path):
    server.behaviours = ["truncated"]
    cache = AnswerCache(tmp_path / "answers.db")
    reranker = ListwiseReranker(client=server.client(cache=cache))
    answer = await reranker.rerank(task)
    assert answer.order == ("c2", "c0", "c1")
    assert answer.listed == 1
    assert answer.degraded == "the model named 1 of 3 candidates"
    assert cache.paid().calls == 0
    cache.close()


@pytest.mark.parametrize(
    ("fault", "form", "first"),
    [("no-pattern", "plain_schema", 2), ("no-schema", "json_object", 3), ("no-form", "text", 4)],
)
async def test_the_form_a_server_takes_is_found_once_and_remembered(
    server, make, fault, form, first
):
    server.behaviours = [fault]
    client = server.client()
    reranker = ListwiseReranker(client=client)
    assert (await reranker.rerank(make(3))).order == GOOD
    assert len(server.requests) == first
    assert client.form == form
    await reranker.rerank(make(3, request="another question"))
    assert len(server.requests) == first + 1
    assert ("response_format" in server.requests[-1]) == (form != "text")


async def test_a_long_prompt_is_shortened_step_by_step(server, make):
    server.behaviours = ["long"]
    server.answer = lambda body: '{"ranking": ["A9", "A8", "A7", "A6", "A5", "A4", "A3", "A2"]}'
    long = make(titles=["x y " * 30 + str(i) for i in range(40)])
    answer = await ListwiseReranker(client=server.client(), places=8).rerank(long)
    assert answer.order[0] == "c8"
    assert answer.degraded == "the prompt was shortened to fit"
    sizes = [len(str(body["messages"])) for body in server.requests]
    assert sizes == sorted(sizes, reverse=True)


async def test_what_fits_in_no_detail_is_asked_in_windows(server, make):
    server.behaviours = ["long"]
    server.answer = lambda body: json.dumps({"ranking": " ".join(labels(body)[::-1])})
    answer = await ListwiseReranker(client=server.client()).rerank(make(200))
    assert answer.degraded == "the prompt was shortened to fit, in windows of 100"
    assert answer.listed == 200
    assert sorted(answer.order) == sorted(f"c{i}" for i in range(200))
    assert answer.order[:2] == ("c199", "c198")
    sizes = [len(labels(body)) for body in server.requests]
    assert sizes == [200, 200, 200, 200, 100, 100, 100]
    assert answer.usage.calls == 3


def labels(body: dict) -> list[str]:
    """Return the candidates' labels that stand in a question."""
    listed = body["messages"][-1]["content"].partition("<candidates>")[2]
    return re.findall(r"^\[(\w+)\]", listed.partition("</candidates>")[0], re.MULTILINE)


@pytest.mark.parametrize("way", [ListwiseReranker, FirstTokenReranker])
async def test_a_prompt_that_never_fits_falls_back(server, make, way):
    server.behaviours = ["overflow"]
    answer = await way(client=server.client()).rerank(make(30))
    assert answer.order == tuple(f"c{i}" for i in range(30))
    assert answer.degraded is not None
    assert "does not fit" in answer.degraded
    assert len(server.requests) == 4 + 3


async def test_what_certainly_does_not_fit_is_not_sent(server, make):
    server.behaviours = ["long"]
    client = server.client(room=Room(1500))
    server.answer = lambda body: json.dumps({"ranking": " ".join(labels(body))})
    long = make(titles=["x y " * 30 + str(i) for i in range(200)])
    answer = await ListwiseReranker(client=client).rerank(long)
    assert answer.listed == 200
    sizes = [len(labels(body)) for body in server.requests]
    assert max(sizes) < 200


async def test_a_filtered_answer_is_refused_paid_for_and_not_kept(server, task, tmp_path):
    server.behaviours = ["filtered"]
    cache = AnswerCache(tmp_path / "answers.db")
    answer = await ListwiseReranker(client=server.client(cache=cache)).rerank(task)
    assert answer.order == IDS
    assert answer.degraded is not None
    assert "content filter" in answer.degraded
    assert (answer.usage.calls, answer.usage.output_tokens) == (1, 20)
    assert len(server.requests) == 1
    assert cache.paid().calls == 0
    cache.close()


async def test_an_answer_that_names_too_few_serves_once_and_is_not_kept(server, make, tmp_path):
    cache = AnswerCache(tmp_path / "answers.db")
    reranker = ListwiseReranker(client=server.client(cache=cache))
    server.answer = lambda body: '{"ranking": ["A5"]}'
    poor = await reranker.rerank(make(50))
    assert poor.order[0] == "c4"
    assert poor.degraded == "the model named 1 of 50 candidates"
    assert cache.paid().calls == 0
    server.answer = lambda body: json.dumps({"ranking": " ".join(labels(body)[::-1])})
    assert (await reranker.rerank(make(50))).degraded is None
    assert (await reranker.rerank(make(50))).usage.cache_hits == 1
    assert cache.paid().calls == 1
    cache.close()


async def test_a_poor_answer_kept_by_an_older_version_is_replaced(server, make, tmp_path):
    cache = AnswerCache(tmp_path / "answers.db")
    client = server.client(cache=cache)
    reranker = ListwiseReranker(client=client)
    schema, messages = rank_schema(50, 50, 0), rank_messages(make(50))
    key = question_key(client.identity, messages, schema, Options())
    cache.put(key, Answer(text='{"ranking": ["A5"]}', usage=Usage(calls=1)), "m")
    server.answer = lambda body: json.dumps({"ranking": " ".join(labels(body)[::-1])})
    assert (await reranker.rerank(make(50))).order[0] == "c49"
    assert (await reranker.rerank(make(50))).usage == Usage(cache_hits=1)
    assert len(server.requests) == 1
    cache.close()


async def test_what_timed_out_is_told_apart_in_the_bill(server, task):
    server.behaviours = ["hang", "good"]
    client = server.client(patience=Patience(deadline=2, pause=0.01, share=0.2))
    answer = await ListwiseReranker(client=client).rerank(task)
    assert answer.degraded is None
    assert (answer.usage.calls, answer.usage.timed_out) == (2, 1)
    assert answer.usage.input_tokens > 100
    assert client.budget.spent == answer.usage
    server.behaviours = ["hang"]
    late = await ListwiseReranker(client=client, deadline=0.3).rerank(replace(task, hint="x"))
    assert late.degraded is not None
    assert late.usage.timed_out >= 1
    assert client.budget.spent == answer.usage + late.usage


async def test_a_dead_server_is_left_to_rest_and_tried_again(server, make):
    server.behaviours = ["500"]
    now = [0.0]
    breaker = Breaker(limit=4, rest=10, clock=lambda: now[0])
    reranker = ListwiseReranker(client=server.client(breaker=breaker))
    await reranker.rerank(make(3))
    sent = len(server.requests)
    answer = await reranker.rerank(make(4))
    assert len(server.requests) == sent
    assert answer.degraded is not None
    assert "rests" in answer.degraded
    now[0] = 11
    server.behaviours = ["good"]
    assert (await reranker.rerank(make(3))).order == GOOD
