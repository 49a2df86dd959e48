"""Clients that ask one after the other, many at once, and what they measured."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

Body = Callable[[int], dict[str, object]]
"""From a request's number to what it asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load was answered with; times in milliseconds.

    Attributes:
        clients: how many asked at once.
        processor: processor time of the service per request.
        wrong: answers other than 2xx, and broken connections.
    """

    clients: int
    requests: int
    p50: float
    p99: float
    per_second: float
    processor: float
    wrong: int


async def load(
    url: str, pid: int, body: Body, *, clients: int, requests: int, rate: float | None = None
) -> Load:
    """Send requests to a service on loopback from so many clients.

    Args:
        url: with the path.
        pid: of the service.
        body: what is asked; the numbers begin at 0 and are used once.
        clients: at once.
        requests: in all.
        rate: requests a second of all clients together, which take turns; who was answered late
            asks again at once. None lets each ask again as soon as it was answered.
    """
    left = iter(range(requests))
    took: list[float] = []
    wrong = 0

    async def client(place: int) -> None:
        nonlocal wrong
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        turn = time.perf_counter() + (place / rate if rate else 0.0)
        for number in left:
            if rate:
                await asyncio.sleep(turn - time.perf_counter())
                turn = max(turn + clients / rate, time.perf_counter())
                if reader.at_eof():  # the server closes what was not used for some seconds
                    reader, writer = await asyncio.open_connection(where.hostname, where.port)
            begun = time.perf_counter()
            status = await _post(reader, writer, where.path, body(number))
            took.append(1000 * (time.perf_counter() - begun))
            wrong += not 200 <= status < 300
        writer.close()

    used, begun = processor_seconds(pid), time.perf_counter()
    await asyncio.gather(*(client(place) for place in range(clients)))
    seconds = time.perf_counter() - begun
    p50, p99 = np.percentile(np.array(took), [50, 99])
    return Load(
        clients=clients,
        requests=requests,
        p50=float(p50),
        p99=float(p99),
        per_second=requests / seconds,
        processor=1000 * (processor_seconds(pid) - used) / requests,
        wrong=wrong,
    )


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: dict[str, object]
) -> int:
    told = json.dumps(body).encode()
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(told)}\r\n\r\n".encode()
        + told
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n", 1)[0]))
    return int(head.split(" ", 2)[1])


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory_mib(pid: int) -> tuple[float, float]:
    """Return the memory that a process holds: all that is resident, and what is its own of it."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    held = [int(status.partition(name)[2].split()[0]) / 1024 for name in ("VmRSS:", "RssAnon:")]
    return held[0], held[1]
