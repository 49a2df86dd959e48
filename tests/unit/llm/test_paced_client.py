"""How many requests and tokens go out per minute and at once."""

import asyncio

import pytest

from re2llm.llm.errors import NoTurn
from re2llm.llm.pace import Pace, PaceLimits
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.usage import Usage


async def test_no_more_than_so_many_at_once():
    pace = Pace(PaceLimits(at_once=3))
    running: list[int] = []
    most = 0

    async def one(i):
        nonlocal most
        async with pace.turn(1):
            running.append(i)
            most = max(most, len(running))
            await asyncio.sleep(0.01)
            running.remove(i)

    await asyncio.gather(*(one(i) for i in range(10)))
    assert most == 3


async def test_requests_per_minute_are_kept():
    pace = Pace(PaceLimits(requests_per_minute=600))
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def one():
        async with pace.turn(10):
            return loop.time() - start

    times = await asyncio.gather(*(one() for _ in range(54)))
    assert max(times) >= 0.25


async def test_tokens_per_minute_are_kept():
    pace = Pace(PaceLimits(tokens_per_minute=60_000))
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def one():
        async with pace.turn(1000):
            return loop.time() - start

    times = sorted(await asyncio.gather(*(one() for _ in range(7))))
    assert times[6] >= 0.9


async def test_what_was_taken_too_high_is_given_back():
    pace = Pace(PaceLimits(tokens_per_minute=60_000))
    for _ in range(20):
        async with pace.turn(5000, within=0.1):
            pace.counted(5000, 200)


async def test_a_turn_that_comes_too_late_is_known_at_once_and_takes_nobodys():
    pace = Pace(PaceLimits(requests_per_minute=60))
    for _ in range(6):
        async with pace.turn(1, within=10):
            pass
    for _ in range(50):
        with pytest.raises(NoTurn, match="per minute"):
            async with pace.turn(1, within=0.01):
                pass
    async with pace.turn(1, within=3):
        pass


async def test_a_slate_without_a_turn_in_time_is_served_without_the_model(server, make):
    pace = Pace(PaceLimits(requests_per_minute=1))
    reranker = ListwiseReranker(client=server.client(pace=pace), deadline=1)
    assert (await reranker.rerank(make(3))).degraded is None
    late = await reranker.rerank(make(4))
    assert late.order == ("c0", "c1", "c2", "c3")
    assert late.degraded is not None
    assert late.degraded.startswith(NoTurn.says)
    assert len(server.requests) == 1
    assert late.usage == Usage()
