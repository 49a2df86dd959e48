"""The server as a process: it starts, serves, and drains on SIGTERM."""

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx
import pytest
from service_client import serve_settings
from shop_settings import settings_for
from threadpoolctl import threadpool_info

from re2llm.errors import UserError
from re2llm.service.options import ServeSettings
from re2llm.service.server import check_reach, listen, serve

SCRIPT = "import typer; from re2llm.commands.service import serve; typer.run(serve)"


async def test_it_serves_until_sigterm_and_ends_in_order(shop: Path, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, "-w", str(shop), "--port", "0",
        stdout=PIPE, stderr=PIPE, cwd=tmp_path, env={"RE2LLM_MODEL": "stand-in"},
    )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
    address = next(word for word in line.split() if word.startswith("http://"))
    assert "not a language model" in line
    async with httpx.AsyncClient(base_url=address) as client:
        slate = (await client.post("/v1/recommendations", json={"k": 3})).json()
        slow = asyncio.create_task(
            client.post(f"/v1/slates/{slate['slate_id']}/feedback", json={"chosen": None})
        )
        await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert (await slow).json()["state"] == "done"
    _, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    assert "Traceback" not in complaints.decode()


def test_it_is_not_open_to_other_machines_without_keys() -> None:
    nothing = ServeSettings(_env_file=None)  # type: ignore[call-arg]
    for host in ("127.0.0.1", "::1", "localhost"):
        check_reach(host, nothing)
    for host in ("0.0.0.0", "::", "192.168.1.2", "shop.example"):
        with pytest.raises(UserError, match="RE2LLM_API_KEYS"):
            check_reach(host, nothing)


class _Ready(Exception):
    pass


async def test_linear_algebra_spins_in_no_threads_of_its_own(shop: Path, tmp_path: Path) -> None:
    at_work: list[int] = []

    def ready(_: str) -> None:
        libraries = [one for one in threadpool_info() if one["user_api"] == "blas"]
        at_work.extend(one["num_threads"] for one in libraries)
        raise _Ready

    with pytest.raises(_Ready):
        await serve(settings_for(shop), serve_settings(), host="127.0.0.1", port=0, ready=ready)
    assert at_work
    assert set(at_work) == {1}


async def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio turns Nagle's algorithm off for sockets that say they are TCP, and for no others."""
    told = asyncio.get_running_loop().create_future()

    class Connected(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            told.set_result(transport.get_extra_info("socket"))

    listener = listen("127.0.0.1", 0)
    server = await asyncio.get_running_loop().create_server(Connected, sock=listener)
    async with server:
        _, writer = await asyncio.open_connection(*listener.getsockname())
        accepted = await told
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        writer.close()
