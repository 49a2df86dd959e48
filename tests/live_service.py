"""The service on a port of loopback, for what speaks real HTTP: browsers and other languages."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from service_client import serve_settings
from shop_settings import settings_for

from re2llm.graph.app import Re2LLM
from re2llm.service.api import create_service


@contextmanager
def live_service(shop: Path) -> Iterator[str]:
    """Serve a workspace in a thread of its own; yields the address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    ready, stop = threading.Event(), threading.Event()
    faults: list[BaseException] = []

    async def run() -> None:
        async with await Re2LLM.open(settings_for(shop)) as app:
            service = create_service(app, serve_settings(rate_limit=1_000_000))
            config = uvicorn.Config(service, log_config=None, access_log=False, lifespan="on")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started and not serving.done():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            ready.set()
            while not stop.is_set() and not serving.done():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            server.should_exit = True
            await serving

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as fault:  # noqa: BLE001
            faults.append(fault)
        finally:
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(60)
        assert not faults, faults
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(60)
        listener.close()
        assert not faults, faults
