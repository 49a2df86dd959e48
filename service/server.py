"""How the service runs: one uvicorn server that drains on SIGTERM."""

import asyncio
import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from threadpoolctl import threadpool_limits

from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.service.api import create_service
from re2llm.service.options import ServeSettings
from re2llm.settings import Settings

_BACKLOG = 2048


def check_reach(host: str, settings: ServeSettings) -> None:
    """Refuse to be reachable from other machines without keys.

    Raises:
        UserError: there are no keys, and the host is not this machine alone.
    """
    if settings.api_keys.get_secret_value().strip() or _is_local(host):
        return
    raise UserError(
        f"{host!r} can be reached from other machines; set RE2LLM_API_KEYS=tenant:key first, or "
        "serve on 127.0.0.1"
    )


async def serve(
    settings: Settings,
    serving: ServeSettings,
    *,
    host: str,
    port: int,
    ready: Callable[[str], None],
) -> None:
    """Open a workspace and serve it until SIGTERM or SIGINT, then let requests end.

    Args:
        settings: which workspace, which model.
        serving: how it is served.
        host: address to listen on.
        port: port to listen on; 0 picks a free one.
        ready: called with the service's address when it listens.

    Raises:
        UserError: the port is taken, a key is malformed, or the workspace cannot be opened.
    """
    check_reach(host, serving)
    listener = listen(host, port)
    try:
        # Threads of linear algebra wait by spinning: they would burn more than all the rest.
        async with await Re2LLM.open(settings) as app:
            with threadpool_limits(1, user_api="blas"):
                config = uvicorn.Config(
                    create_service(app, serving),
                    log_config=None,
                    access_log=False,
                    lifespan="on",
                    server_header=False,
                    timeout_graceful_shutdown=serving.drain,
                    limit_concurrency=1024,
                    timeout_keep_alive=15,
                )
                shown = f"[{host}]" if ":" in host else host
                ready(f"http://{shown}:{listener.getsockname()[1]}")
                await _Server(config).serve(sockets=[listener])
    finally:
        listener.close()
    logging.getLogger("re2llm.service").info("drained and closed")


class _Server(uvicorn.Server):
    """Does not raise the signal again that ended it: what is open must be closed first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain on the first signal, hurry on the second."""
        loop = asyncio.get_running_loop()
        caught = (signal.SIGTERM, signal.SIGINT)
        for number in caught:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in caught:
                loop.remove_signal_handler(number)


def listen(host: str, port: int) -> socket.socket:
    """Begin to listen.

    Raises:
        UserError: the port is taken, or the host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named by its protocol, else asyncio leaves Nagle's algorithm on, and each answer over a
    # connection that is kept open waits some 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UserError(
            f"cannot listen on {host}:{port} ({error}); choose another with --port or --host"
        ) from None
    listener.setblocking(False)
    return listener


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
