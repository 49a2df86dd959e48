"""The examples of the README and of docs/embedding.md run as they stand, in a small shop."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_model_server import ChatModelServer, calls, chat_model_server
from readme import EXAMPLES, REMOTE

HERE = [example for example in EXAMPLES if REMOTE not in example]


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatModelServer]:
    """A model that calls a tool and tells what came of it, where an agent asks OpenAI."""

    def act(messages: list[dict[str, Any]]) -> dict[str, Any]:
        if messages[-1]["role"] != "tool":
            return calls("recommend", request=messages[-1]["content"], k=2)
        found = json.loads(messages[-1]["content"])["items"]
        return {"content": "How about " + " or ".join(item["title"] for item in found) + "?"}

    with chat_model_server() as server:
        server.act = act
        monkeypatch.setenv("OPENAI_API_KEY", "sk-readme")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6
    assert all(len(example.splitlines()) < 40 for example in EXAMPLES)
    assert len(EXAMPLES) - len(HERE) == 1  # it runs in tests/graph/test_langgraph_server.py


@pytest.mark.parametrize("example", HERE, ids=range(len(HERE)))
async def test_an_example_runs(
    example: str,
    shop: Path,
    model: ChatModelServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(shop.parent)
    monkeypatch.setenv("RE2LLM_MODEL", "stand-in")
    code = compile(example, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {"__name__": "readme"}
    waiting = eval(code, names)
    if waiting is not None:
        await waiting
    said = capsys.readouterr().out.strip()
    assert said
    if "create_agent" in example:
        assert said.startswith("How about ")
        assert len(model.asked) == 2
