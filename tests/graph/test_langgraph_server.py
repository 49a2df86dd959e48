"""Both graphs behind `langgraph dev`, called by the LangGraph SDK, as chat front-ends do."""

import ast
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from readme import EXAMPLES, REMOTE

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("RE2LLM_LANGGRAPH_PYTHON", ROOT / ".venv-langgraph/bin/python"))
"""Has `langgraph-cli[inmem]`, whose pins fit into no one environment with ours."""


def has_server(python: Path) -> bool:
    found = "import importlib.util as u, sys; sys.exit(u.find_spec('langgraph_api') is None)"
    return python.is_file() and not subprocess.run([python, "-c", found], check=False).returncode


@pytest.fixture(scope="module")
def server(shop_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`langgraph dev` on loopback with the repository's langgraph.json; returns its address."""
    if not has_server(PYTHON):
        pytest.skip("`langgraph dev` is not set up; `make test-langgraph` does it and runs this")
    folder = tmp_path_factory.mktemp("server")
    shop = Path(shutil.copytree(shop_once, folder / "shop"))
    shutil.copy(ROOT / "langgraph.json", folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RE2LLM_", "LANGSMITH_"))}
    env = {
        **kept,
        "RE2LLM_WORKSPACE": str(shop),
        "PYTHONPATH": str(ROOT / "src"),
        "LANGSMITH_TRACING": "false",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    }
    log = folder / "log.txt"
    with log.open("w") as out:
        start = "from langgraph_cli.cli import cli; cli()"
        told = ["dev", "--no-browser", "--no-reload", "--port", str(port)]
        process = subprocess.Popen(
            [PYTHON, "-c", start, *told], cwd=folder, env=env, stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            assert process.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"{url}/ok", timeout=5).close()
                break
            except (URLError, TimeoutError, ConnectionError):
                time.sleep(0.5)
        else:
            pytest.fail(log.read_text())
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_conversation_as_a_chat_front_end_holds_it(server: str) -> None:
    from langgraph_sdk import get_client

    async with get_client(url=server) as client:
        thread = (await client.threads.create())["thread_id"]
        for words in ("a tripod", "under 60"):
            said = {"messages": [{"role": "user", "content": words}]}
            parts = [
                part
                async for part in client.runs.stream(
                    thread, "chat", input=said, stream_mode=["values"]
                )
            ]
            assert not [part.data for part in parts if part.event == "error"]
        state = await client.threads.get_state(thread)
        values = state["values"]
        assert isinstance(values, dict)
        assert [m["type"] for m in values["messages"]] == ["human", "ai", "human", "ai"]
        assert "(Tripod, under 60):" in values["messages"][-1]["content"]
        assert values["cards"]


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_recommender_as_a_remote_graph(server: str) -> None:
    from langgraph.pregel.remote import RemoteGraph
    from langgraph_sdk import get_client

    async with get_client(url=server) as client:
        remote = RemoteGraph("recommend", client=client)
        output = await remote.ainvoke({"session": [], "request": "a tripod", "k": 3})
    assert isinstance(output, dict)
    assert len(output["ranking"]["items"]) >= 3


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_readmes_example_runs(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = (each for each in EXAMPLES if REMOTE in each)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    source = example.replace("http://127.0.0.1:2024", server)
    await eval(compile(source, "README.md", "exec", flags=flags), {"__name__": "readme"})
    assert "under 50" in capsys.readouterr().out
