"""The service over a small synthetic shop, called in-process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx

from re2llm.graph.app import Re2LLM
from re2llm.service.api import create_service
from re2llm.service.options import ServeSettings

KEYS = "north:north-key-0123456789,south:south-key-0123456789,north:north-chat-0123456789:chat"
Opener = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


def serve_settings(**given: object) -> ServeSettings:
    """Settings that no environment changes."""
    return ServeSettings(_env_file=None, **given)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(app: Re2LLM, **given: object) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an application, its lifespan included."""
    import asyncio

    service = create_service(app, serve_settings(**given))
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.create_task(service({"type": "lifespan"}, inbox.get, outbox.put))  # type: ignore[arg-type]
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    transport = httpx.ASGITransport(app=service)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client
    await inbox.put({"type": "lifespan.shutdown"})
    assert (await outbox.get())["type"] == "lifespan.shutdown.complete"
    await life
