"""Our settings decide what of an application is traced: nothing, or everything masked."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorder import Recorder, recorder

HERE = Path(__file__).parent
SAID = "something quiet for my ill mother"
SHOP = """
import asyncio, sys
from pathlib import Path
from re2llm import Re2LLM, Settings

def settings(traced):
    return Settings(
        workspace=Path(sys.argv[1]), model="stand-in", k=5, candidates=20, langsmith_tracing=traced,
        _env_file=None,
    )

async def serve(app):
    asked = app.parts.dataset.test[0].items
    slate = await app.recommend(asked, request="%(said)s", filters={"brand": "%(said)s"})
    slate = await app.recommend(asked, request="%(said)s")
    await app.feedback(slate.id, chosen=None)
    try:
        await app.recommend(asked, request="%(said)s", filters={"%(said)s": {"max": "x"}})
    except Exception as error:
        print(type(error).__name__)
    return slate
""" % {"said": SAID}  # noqa: UP031


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as record:
        yield record


@pytest.fixture
def host() -> Iterator[Recorder]:
    """Where an application around ours sends its own traces."""
    with recorder() as record:
        yield record


def run(shop: Path, script: str, server: Recorder, *words: str, **more: str) -> str:
    """Run a script in a process that LangSmith is told to trace in every way."""
    environment = {
        **os.environ,
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_TRACING_V2": "true",
        "LANGCHAIN_TRACING_V2": "true",
        "LANGSMITH_ENDPOINT": server.url,
        "LANGSMITH_API_KEY": "k",
        **more,
    }
    ending = "\nfrom langchain_core.tracers.langchain import wait_for_all_tracers as w; w()\n"
    done = subprocess.run(
        [sys.executable, "-c", SHOP + script + ending, str(shop), *words],
        env=environment, cwd=HERE, timeout=100, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


EMBEDDED = """
async def main():
    async with await Re2LLM.open(settings(%s)) as app:
        await serve(app)
asyncio.run(main())
"""


def test_off_sends_nothing_of_an_embedded_application(shop: Path, server: Recorder) -> None:
    replica = json.dumps([{"api_url": server.url, "api_key": "k", "project_name": "p"}])
    run(shop, EMBEDDED % "False", server, LANGSMITH_RUNS_ENDPOINTS=replica)
    assert server.requests == []


def test_on_sends_masked_traces_that_say_what_they_are(shop: Path, server: Recorder) -> None:
    run(shop, EMBEDDED % "True", server)
    assert SAID.encode() not in b"".join(server.raw)
    roots = [one for one in server.runs.values() if not one.get("parent_run_id")]
    assert {one["session_name"] for one in server.runs.values()} == {"re2llm"}
    assert sorted(str(one["name"]) for one in roots) == ["feedback", *["slate"] * 3]
    slate = next(one for one in roots if one.get("outputs", {}).get("items"))  # type: ignore[attr-defined]
    metadata = slate["extra"]["metadata"]  # type: ignore[index]
    told = {"model", "prompts", "hint", "policy", "answer"}
    assert told <= set(metadata)
    assert {f"{name}:{metadata[name]}" for name in told} <= set(slate["tags"])  # type: ignore[call-overload]
    assert metadata["answer"] == "whole"
    assert slate["outputs"]["items"]  # type: ignore[index]
    names = {str(one["name"]) for one in server.runs.values()}
    assert {"re2llm", "retrieve_candidates", "select_hint", "rerank", "StandInModel"} <= names


TRACED_HOST = """
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client, traceable, tracing_context
from re2llm import recommend_tool

client = Client(api_url=sys.argv[2], api_key="k")

async def main():
    async with await Re2LLM.open(settings(sys.argv[3] == "on")) as app:
        @traceable(name="the host's function")
        async def plain(x):
            return (await serve(app)).item_ids[0]
        async def step(x):
            return (await serve(app)).item_ids[0]
        with tracing_context(enabled=True, client=client, project_name="host"):
            await plain(1)
        chain = RunnableLambda(step, name="the host's step")
        await chain.ainvoke(1, {"callbacks": [LangChainTracer(client=client)]})
        config = {"callbacks": [LangChainTracer(client=client)]}
        await recommend_tool(app).ainvoke({"session": []}, config)
    client.flush()
asyncio.run(main())
"""


@pytest.mark.parametrize("traced", ["off", "on"])
def test_a_host_that_traces_itself_sees_its_own_runs_alone(
    shop: Path, server: Recorder, host: Recorder, traced: str
) -> None:
    run(shop, TRACED_HOST, server, host.url, traced)
    assert host.names == ["recommend", "the host's function", "the host's step"]
    assert SAID.encode() not in b"".join(host.raw + server.raw)
    assert server.names.count("slate") == (7 if traced == "on" else 0)
    if traced == "off":
        assert server.requests == []


def test_a_graph_embedded_in_a_traced_host_is_masked_by_the_hosts_client(
    shop: Path, server: Recorder, host: Recorder
) -> None:
    script = """
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client
from re2llm import build_graph
from re2llm.masking import mask

client = Client(api_url=sys.argv[2], api_key="k", anonymizer=mask)

async def main():
    async with await Re2LLM.open(settings(False)) as app:
        graph = build_graph(app.parts.steps).compile()
        given = {"session": [], "request": "%s", "k": 3}
        await graph.ainvoke(given, {"callbacks": [LangChainTracer(client=client)]})
    client.flush()
asyncio.run(main())
"""
    run(shop, script % SAID, server, host.url)
    assert "rerank" in host.names
    assert SAID.encode() not in b"".join(host.raw)
    assert server.requests == []


CHAT = """
from service_client import opened

async def main():
    async with await Re2LLM.open(settings(sys.argv[2] == "on")) as app, opened(app) as web:
        made = await web.post("/v1/sessions", json={"session_id": "s-1"})
        chat = "/v1/sessions/%%s/chat" %% made.json()["session_id"]
        for message in ("%(said)s", "not %(said)s, cheaper", "jo@example.org"):
            answer = await web.post(chat, json={"message": message})
            assert answer.status_code == 200, answer.text
        asked = {"query": "%(said)s", "documents": ["a", "b"]}
        assert (await web.post("/v1/rerank", json=asked)).status_code == 200
asyncio.run(main())
""" % {"said": SAID}  # noqa: UP031


@pytest.mark.parametrize("traced", ["off", "on"])
def test_a_chat_is_traced_without_its_words(shop: Path, server: Recorder, traced: str) -> None:
    run(shop, CHAT, server, traced, PYTHONPATH=os.pathsep.join([str(HERE.parents[1]), *sys.path]))
    if traced == "off":
        assert server.requests == []
        return
    assert server.names.count("turn") == 3
    assert server.names.count("slate") >= 1
    assert {"understand", "recommend", "write"} <= set(server.names)
    sent = b"".join(server.raw).decode(errors="replace")
    for words in (SAID, "ill mother", "quiet", "jo@example.org", "cheaper"):
        assert words not in sent
