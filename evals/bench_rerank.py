"""What reranking costs beside the model: own time per slate, and slates per second at once.

Run as `python -m re2llm.evals.bench_rerank`. A server on loopback, in a process of its own, answers
every question after a fixed time, so that the ideal number of slates per second is known.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from dataclasses import replace
from multiprocessing.connection import Connection

from pydantic import SecretStr

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.llm.client import ModelClient
from re2llm.llm.labels import labels
from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model
from re2llm.llm.patience import Patience
from re2llm.llm.rank_prompt import rank_messages
from re2llm.llm.ranking import RankTask
from re2llm.llm.reader import complete, read_answer
from re2llm.llm.rerank import ListwiseReranker

_AT_ONCE = (1, 16, 64, 256)


def make_task(candidates: int) -> RankTask:
    """Return a question of a usual size."""
    items = [
        Item(
            item_id=f"i{n}",
            title=f"Wireless Controller Series {n} - Platform {n % 7}",
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
    return json.dumps({"ranking": list(reversed(labels(candidates)))})


def own_time(candidates: int, repeats: int = 300) -> tuple[float, float]:
    """Return the median seconds of building one prompt and of reading one answer."""
    task, text = make_task(candidates), good_answer(candidates)
    ids = [one.item.item_id for one in task.candidates]
    titles = [one.item.title for one in task.candidates]
    building, reading = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        rank_messages(task)
        middle = time.perf_counter()
        complete(read_answer(text, titles), ids)
        reading.append(time.perf_counter() - middle)
        building.append(middle - start)
    return statistics.median(building), statistics.median(reading)


async def throughput(url: str, at_once: int, slates: int, candidates: int) -> float:
    """Return slates per second with so many at once."""
    config = ModelConfig(model="bench", base_url=url, api_key=SecretStr("none"))
    model = open_chat_model(config)
    client = ModelClient(model, identity="bench", patience=Patience(deadline=60, attempts=1))
    reranker = ListwiseReranker(client=client)
    task = make_task(candidates)
    await reranker.rerank(task)
    slots = asyncio.Semaphore(at_once)

    async def one(number: int) -> bool:
        async with slots:
            answer = await reranker.rerank(replace(task, request=f"{at_once} {number}"))
            return answer.degraded is None

    start = time.perf_counter()
    good = sum(await asyncio.gather(*(one(number) for number in range(slates))))
    seconds = time.perf_counter() - start
    await close_chat_model(model)
    return good / seconds


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
    given = parser.parse_args(arguments)
    building, reading = own_time(given.candidates)
    sys.stdout.write(
        f"own time at {given.candidates} candidates: prompt {1e3 * building:.2f} ms, "
        f"reading {1e3 * reading:.2f} ms\n"
    )
    here, there = multiprocessing.Pipe()
    text = good_answer(given.candidates)
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, given.delay, text), daemon=True
    )
    process.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    for at_once in _AT_ONCE:
        slates = max(10, 6 * at_once)
        rate = asyncio.run(throughput(url, at_once, slates, given.candidates))
        ideal = at_once / given.delay
        sys.stdout.write(
            f"{at_once:>4} at once: {rate:7.1f} slates/s, ideal {ideal:7.1f} ({rate / ideal:.0%})\n"
        )
    process.terminate()
    process.join()


if __name__ == "__main__":
    main()
