"""What reranking costs beside the model: own time per slate, and slates per second at once.

Run as `python -m re2llm.evals.bench_rerank`. A server on loopback, in a process of its own, answers
every question after a fixed time, so that the ideal number of slates per second is known. Beside
ours runs a bare client, which sends one and the same question's bytes and reads the answers' bytes:
what it misses of the ideal is the server's and the machine's.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import aiohttp
from pydantic import SecretStr

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.llm.client import ModelClient
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.labels import labels
from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model
from re2llm.llm.patience import Patience
from re2llm.llm.rank_prompt import rank_messages
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reader import complete, read_answer
from re2llm.llm.rerank import ListwiseReranker

_AT_ONCE = (1, 16, 64, 256)


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
class OwnTime:
    """Seconds of our own work on each of many slates."""

    prompt: list[float]
    reading: list[float]
    fusing: list[float]

    def words(self) -> str:
        """Say medians and the slowest tenth, in milliseconds."""
        parts = (("prompt", self.prompt), ("reading", self.reading), ("fusing", self.fusing))
        totals = [sum(slate) for slate in zip(*(part for _, part in parts), strict=True)]
        told = ", ".join(f"{name} {1e3 * statistics.median(part):.2f}" for name, part in parts)
        ninth = statistics.quantiles(totals, n=10)[-1]
        return f"{told}; in all {1e3 * statistics.median(totals):.2f} ms (p90 {1e3 * ninth:.2f} ms)"


def own_time(candidates: int, *, slates: int = 300, known: bool = False) -> OwnTime:
    """Time building prompts, reading answers and fusing, for slates of other items each.

    Args:
        candidates: of each slate.
        slates: so many.
        known: whether the items were shown before, as a shop's mostly were.
    """
    tasks = [make_task(candidates, series) for series in range(1, slates + 1)]
    text, fusion = good_answer(candidates), SlateFusion()
    made = OwnTime(prompt=[], reading=[], fusing=[])
    rank_messages(make_task(candidates))
    if known:
        for task in tasks:
            rank_messages(task)
    for task in tasks:
        ids = [one.item.item_id for one in task.candidates]
        titles = [one.item.title for one in task.candidates]
        start = time.perf_counter()
        rank_messages(task)
        asked = time.perf_counter()
        order, _ = complete(read_answer(text, titles), ids)
        read = time.perf_counter()
        fusion.fuse(task.candidates, RankAnswer(order=order, listed=len(order)))
        made.fusing.append(time.perf_counter() - read)
        made.reading.append(read - asked)
        made.prompt.append(asked - start)
    return made


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


def main(arguments: list[str] | None = None) -> None:
    """Write a table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds per answer")
    parser.add_argument("--runs", type=int, default=3, help="of each throughput")
    parser.add_argument("--waves", type=int, default=12, help="slates per run, by those at once")
    given = parser.parse_args(arguments)
    for known in (False, True):
        seen = "shown before" if known else "never shown before"
        made = own_time(given.candidates, known=known)
        sys.stdout.write(f"own time at {given.candidates} candidates, {seen}: {made.words()}\n")
    here, there = multiprocessing.Pipe()
    text = good_answer(given.candidates)
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, given.delay, text), daemon=True
    )
    process.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    for at_once in _AT_ONCE:
        slates, ideal = max(15, given.waves * at_once), at_once / given.delay
        for name, way in (("bare", bare), ("ours", ours)):
            runs = [
                asyncio.run(way(url, at_once, slates, given.candidates)) for _ in range(given.runs)
            ]
            rates, work = sorted(run.rate for run in runs), min(run.work for run in runs)
            middle = statistics.median(rates)
            sys.stdout.write(
                f"{at_once:>4} at once, {name}: {middle:7.1f} slates/s ({rates[0]:.1f} to "
                f"{rates[-1]:.1f}), ideal {ideal:7.1f} ({middle / ideal:.0%}); {1e3 * work:.2f} ms "
                f"of processor each, so that one core gives {1 / work:.0f}/s at most\n"
            )
    process.terminate()
    process.join()


if __name__ == "__main__":
    main()
