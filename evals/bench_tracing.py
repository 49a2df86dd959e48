"""What tracing to LangSmith costs a request, with an endpoint that answers and with dead ones.

The endpoint is a sink on loopback in another process. Run `python -m re2llm.evals.bench_tracing`.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from re2llm.evals.bench_graph import bench_steps
from re2llm.graph.builder import RecommendApp, build_graph
from re2llm.langsmith_client import langsmith_client, traced, untraced


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Milliseconds per request, and seconds that the end of the traced part took."""

    name: str
    p50: float
    p99: float
    end: float


class _Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take it."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def serve_sink() -> None:
    """Answer everything with 202 until killed; the first line out is the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


async def requests(graph: RecommendApp, times: int, pause_s: float) -> list[float]:
    """Ask at a steady pace; return the seconds of each request."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        await graph.ainvoke({"session": ["i3", "i7", "i11"], "k": 10})
        took.append(time.perf_counter() - started)
        await asyncio.sleep(pause_s)
    return took


def measure(name: str, url: str | None, graph: RecommendApp, times: int, pause_s: float) -> Cost:
    """Ask with tracing to this endpoint, or untraced without one."""
    ended = time.perf_counter()
    client_or_none = nullcontext() if url is None else langsmith_client(api_key="k", endpoint=url)
    with client_or_none as client:
        with untraced() if client is None else traced(client, "bench"):
            took = asyncio.run(requests(graph, times, pause_s))
        ended = time.perf_counter()
    p50, p99 = np.percentile(np.array(took) * 1000, [50, 99])
    return Cost(name=name, p50=float(p50), p99=float(p99), end=time.perf_counter() - ended)


@contextmanager
def _sink() -> Iterator[str]:
    command = [sys.executable, "-m", "re2llm.evals.bench_tracing", "--sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@contextmanager
def _silent() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sink", action="store_true", help="be the endpoint")
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--per-second", type=float, default=40)
    chosen = parser.parse_args()
    if chosen.sink:
        serve_sink()
        return
    graph = build_graph(bench_steps(10_000)).compile()
    pause = 1 / chosen.per_second
    measure("warm-up", None, graph, 50, 0)
    with _sink() as sink, _silent() as silent:
        for name, url in (
            ("untraced", None),
            ("traced", sink),
            ("traced, endpoint refuses", "http://127.0.0.1:9"),
            ("traced, endpoint is silent", silent),
            ("untraced again", None),
        ):
            cost = measure(name, url, graph, chosen.times, pause)
            sys.stdout.write(
                f"{cost.name:<28} p50 {cost.p50:6.2f} ms  p99 {cost.p99:6.2f} ms  "
                f"end {cost.end:5.2f} s\n"
            )


if __name__ == "__main__":
    main()
