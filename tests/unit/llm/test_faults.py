"""A slate every time: the reranker against a server with every fault that we know."""

import asyncio
import random
import time

import pytest

from re2llm.llm.breaker import Breaker
from re2llm.llm.cache import AnswerCache
from re2llm.llm.client import Patience
from re2llm.llm.rerank import ListwiseReranker

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
    assert time.monotonic() - start < 1.2
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
    ("fault", "form", "first"), [("no-schema", "json_object", 2), ("no-form", "text", 3)]
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


async def test_a_prompt_that_never_fits_falls_back(server, make):
    server.behaviours = ["long"]
    answer = await ListwiseReranker(client=server.client()).rerank(make(200))
    assert answer.order == tuple(f"c{i}" for i in range(200))
    assert answer.degraded is not None
    assert "ContextTooLong" in answer.degraded


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


async def test_thirty_percent_faults_at_64_at_once(server, make):
    faults = ["429", "500", "hang", "cut", "garbage", "empty", "prose", "no-choices"]
    chance = random.Random(3)
    server.pick = lambda number: chance.choice(faults) if chance.random() < 0.3 else "good"
    client = server.client(patience=Patience(deadline=6, pause=0.05))
    reranker = ListwiseReranker(client=client)
    tasks = [make(3, request=f"question {i}") for i in range(64)]
    start = time.monotonic()
    answers = await asyncio.gather(*(reranker.rerank(one) for one in tasks))
    assert time.monotonic() - start < 8
    assert all(sorted(answer.order) == sorted(IDS) for answer in answers)
    assert all((answer.listed == 0) == (answer.degraded is not None) for answer in answers)
    assert sum(answer.degraded is None for answer in answers) >= 56
