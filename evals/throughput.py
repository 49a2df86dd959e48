"""Slates per second against a server that answers after a fixed time, ours and a bare client's."""

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import aiohttp
from pydantic import SecretStr

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.llm.client import ModelClient
from re2llm.llm.labels import labels
from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model
from re2llm.llm.patience import Patience
from re2llm.llm.rank_prompt import rank_messages
from re2llm.llm.ranking import RankTask
from re2llm.llm.rerank import ListwiseReranker


def make_task(candidates: int, series: int = 0) -> RankTask:
    """Return a question of a usual size; each series is of items that no other one has."""
    items = [
        Item(
            item_id=f"i{series}-{n}",
            title=f"Wireless Controller Series {series} {n} - Platform {n % 7}",
            attributes={"brand": f"Brand {n % 9}", "category": ("Games", "Pads"), "price": 9.99},
        )
        for n in range(candidates)
    ]
    notes = ("often bought next", "popular now")
    return RankTask(
        session=tuple(items[:10]),
        candidates=tuple(Candidate(item=item, score=0.0, notes=notes) for item in items),
    )


def good_answer(candidates: int) -> str:
    """Return a full answer by labels."""
    return json.dumps({"ranking": " ".join(reversed(labels(candidates)))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one run reached.

    Attributes:
        rate: slates per second.
        work: seconds of this process's processor for each.
    """

    rate: float
    work: float


async def timed(ask: Callable[[int], Awaitable[bool]], at_once: int, slates: int) -> Rate:
    """Ask so many questions, so many at once; what fails does not count."""
    slots = asyncio.Semaphore(at_once)

    async def one(number: int) -> bool:
        async with slots:
            return await ask(number)

    start, worked = time.perf_counter(), time.process_time()
    good = sum(await asyncio.gather(*(one(number) for number in range(slates))))
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    return Rate(rate=good / seconds, work=worked / slates)


async def ours(url: str, at_once: int, slates: int, candidates: int) -> Rate:
    """Ask as a shop does, each time with other words of the shopper's."""
    config = ModelConfig(model="bench", base_url=url, api_key=SecretStr("none"))
    model = open_chat_model(config)
    client = ModelClient(model, identity="bench", patience=Patience(deadline=60, attempts=1))
    reranker = ListwiseReranker(client=client)
    task = make_task(candidates)

    async def ask(number: int) -> bool:
        answer = await reranker.rerank(replace(task, request=f"{at_once} {number}"))
        return answer.degraded is None

    await ask(-1)
    rate = await timed(ask, at_once, slates)
    await close_chat_model(model)
    return rate


def in_processes(url: str, count: int, at_once: int, slates: int, candidates: int) -> Rate:
    """Ask as several replicas of a shop do, each with its part of the questions."""
    context = multiprocessing.get_context("spawn")
    start, done = context.Barrier(count), context.Queue()
    part = (url, at_once // count, slates // count, candidates)
    replicas = [context.Process(target=_replica, args=(start, done, *part)) for _ in range(count)]
    for replica in replicas:
        replica.start()
    found = [done.get() for _ in replicas]
    for replica in replicas:
        replica.join()
    seconds = max(ended for _, ended, _ in found) - min(began for began, _, _ in found)
    good = sum(rate.rate * (ended - began) for began, ended, rate in found)
    return Rate(rate=good / seconds, work=statistics.mean(rate.work for *_, rate in found))


def _replica(
    start: Barrier,
    done: "Queue[tuple[float, float, Rate]]",
    url: str,
    at_once: int,
    slates: int,
    candidates: int,
) -> None:
    """Ask once to load all that asking takes, then with the others."""
    asyncio.run(ours(url, 1, 1, candidates))
    start.wait()
    began = time.monotonic()
    rate = asyncio.run(ours(url, at_once, slates, candidates))
    done.put((began, time.monotonic(), rate))


async def bare(url: str, at_once: int, slates: int, candidates: int) -> Rate:
    """Send the bytes of a question of that size."""
    said = [{"role": one.type, "content": one.text} for one in rank_messages(make_task(candidates))]
    data = json.dumps({"model": "bench", "messages": said}).encode()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(_number: int) -> bool:
            async with session.post(f"{url}/chat/completions", data=data) as answer:
                return bool(await answer.read())

        await ask(-1)
        return await timed(ask, at_once, slates)


def serve(pipe: Connection, delay: float, text: str) -> None:
    """Answer every request with one text after a fixed time, until killed."""
    choice = {"index": 0, "finish_reason": "stop"}
    reply = {
        "id": "b",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [{**choice, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    data = json.dumps(reply).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n"
    whole = head.encode() + b"\r\n" + data

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                length = asked.lower().split(b"content-length:")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                await asyncio.sleep(delay)
                writer.write(whole)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())
