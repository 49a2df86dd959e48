"""Off means that nothing is sent; on means exactly the promised traces; dead means no waiting."""

import logging
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from graph_world import ADVICE_ID, CATALOG, graph_runner
from recorder import Recorder, recorder

from re2llm.catalog.sessions import Session
from re2llm.errors import UserError
from re2llm.evals.langsmith_eval import run_langsmith
from re2llm.evals.offline import Question, Target, questions, run_offline
from re2llm.evals.scores import standard
from re2llm.langsmith_client import langsmith_client, traced
from re2llm.masking import MASKED

# LangSmith passes its own deprecated argument when it sends a summary.
OWN_WARNING = "ignore:The following arguments are no longer used:DeprecationWarning"

HERE = Path(__file__).parent
KEY = "lsv2_pt_0123456789abcdef0123456789abcdef"
SESSIONS = [
    Session(
        session_id=f"s{n}",
        items=("i0", "i1"),
        target=f"i{n}",
        candidates=tuple(item.item_id for item in CATALOG),
    )
    for n in range(4)
]
EVALUATORS = standard(CATALOG)
GRAPH = (
    "re2llm",
    "retrieve_candidates",
    "select_hint",
    "rerank",
    "await_feedback",
    "after_feedback",
)


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as record:
        yield record


async def test_scores_without_any_network() -> None:
    found = await run_offline(Target(runner=graph_runner()), questions(SESSIONS), EVALUATORS)
    assert found.rows["s0"]["HR@1"] == 0
    assert found.rows["s0"]["hint lift NDCG@10"] == -1
    assert found.rows["s3"]["HR@10"] == 1
    assert found.summary["invented items"].mean == 2
    assert found.summary["slate valid"].mean == 1
    assert found.summary["tokens"].mean == 55
    assert found.summary["money"].mean == pytest.approx(0.001)
    assert found.summary["degraded"].mean == 0
    assert "constraints met" not in found.summary


async def test_constraints_are_scored_where_there_are_some() -> None:
    asked = [
        Question(
            session_id="s", inputs={"session": ["i0"], "filters": {"brand": "b1"}}, target="i1"
        )
    ]
    found = await run_offline(Target(runner=graph_runner(degraded="time-out")), asked, EVALUATORS)
    assert found.rows["s"]["constraints met"] == 1
    assert found.rows["s"]["degraded"] == 1


def test_off_sends_nothing_even_when_the_environment_says_on(server: Recorder) -> None:
    script = """
import asyncio
from test_langsmith import EVALUATORS, SESSIONS
from graph_world import graph_runner
from re2llm.evals.offline import Target, questions, run_offline
found = asyncio.run(run_offline(Target(runner=graph_runner()), questions(SESSIONS), EVALUATORS))
assert len(found.rows) == 4
"""
    assert _run(script, server.url) < 60
    assert server.requests == []


def test_the_recorder_would_have_seen_it(server: Recorder) -> None:
    """The same graph under the same environment is traced, unless it is told not to be."""
    script = """
import asyncio
from test_langsmith import SESSIONS
from graph_world import graph_runner
from langchain_core.tracers.langchain import wait_for_all_tracers
asyncio.run(graph_runner().slate(SESSIONS[0], None))
wait_for_all_tracers()
"""
    _run(script, server.url)
    assert server.names == sorted(GRAPH)


@pytest.mark.filterwarnings(OWN_WARNING)
async def test_on_sends_exactly_the_promised_traces(server: Recorder) -> None:
    target = Target(
        runner=graph_runner(), facts={"model": "m-1", "policy": "always", "prompt": "p-3"}
    )
    with langsmith_client(api_key=KEY, endpoint=server.url) as client:
        found = await run_langsmith(
            target, questions(SESSIONS), EVALUATORS, client=client, dataset="shop"
        )
    roots = [run for run in server.runs.values() if not run.get("parent_run_id")]
    names = Counter(server.names)
    assert len(roots) == 4
    root = str(roots[0]["name"])
    assert names == Counter({root: 4} | dict.fromkeys(GRAPH, 8))
    metadata = roots[0]["extra"]["metadata"]  # type: ignore[index]
    assert metadata["hint"] == ADVICE_ID
    assert (metadata["model"], metadata["policy"], metadata["prompt"]) == ("m-1", "always", "p-3")
    assert metadata["session"] in {"s0", "s1", "s2", "s3"}
    assert root == "slate"
    tags = {f"hint:{ADVICE_ID}", "model:m-1", "policy:always", "answer:whole"}
    assert set(roots[0]["tags"]) == tags  # type: ignore[call-overload]
    assert len(server.examples) == 4
    assert found.summary["HR@10"].mean == 0.5
    keys = Counter(str(entry["key"]) for entry in server.feedback)
    assert keys["NDCG@10"] == 4
    assert keys["mean NDCG@10"] == 1
    offline = await run_offline(target, questions(SESSIONS), EVALUATORS)
    for session_id, scores in found.rows.items():
        assert scores | {"seconds": 0} == offline.rows[session_id] | {"seconds": 0}


@pytest.mark.filterwarnings(OWN_WARNING)
async def test_a_dataset_is_made_once_and_what_changed_is_a_new_version(server: Recorder) -> None:
    with langsmith_client(api_key=KEY, endpoint=server.url) as client:
        for _ in range(2):
            await run_langsmith(
                Target(runner=graph_runner(), paired=False),
                questions(SESSIONS),
                EVALUATORS,
                client=client,
                dataset="shop",
            )
        assert server.requests.count(("POST", "/datasets")) == 1
        assert len(server.examples) == 4
        del server.examples[next(iter(server.examples))]
        again = Target(runner=graph_runner(), paired=False)
        await run_langsmith(again, questions(SESSIONS), EVALUATORS, client=client, dataset="shop")
        assert len(server.examples) == 4
        assert len(set(server.tags)) == 1
        changed = [replace(SESSIONS[0], target="i5"), *SESSIONS[1:]]
        found = await run_langsmith(
            again, questions(changed), EVALUATORS, client=client, dataset="shop"
        )
    assert len(found.rows) == 4
    assert len(server.examples) == 5  # the old one stays for the version before
    assert len(set(server.tags)) == 2
    assert server.requests.count(("POST", "/datasets")) == 1


async def test_no_secret_and_nothing_personal_leaves(server: Recorder) -> None:
    asked = Question(
        session_id="s",
        inputs={"session": ["i0"], "request": "a gift for Jo, write to jo@example.org"},
        target="i1",
    )
    with langsmith_client(api_key=KEY, endpoint=server.url) as client, traced(client, "shop"):
        await graph_runner().ask(asked.inputs, None, {"note": f"Bearer {KEY}"})
    sent = b"".join(server.raw)
    assert MASKED.encode() in sent
    for secret in ("Jo,", "jo@example.org", KEY):
        assert secret.encode() not in sent


async def test_masking_can_be_switched_off_by_saying_so(server: Recorder) -> None:
    with (
        langsmith_client(api_key=KEY, endpoint=server.url, anonymiser=None) as client,
        traced(client, "shop"),
    ):
        await graph_runner().ask({"session": ["i0"], "request": "a gift for Jo"}, None)
    assert b"a gift for Jo" in b"".join(server.raw)


@pytest.mark.parametrize("how", ["refused", "failing"])
async def test_a_dead_endpoint_is_named_and_nothing_is_lost(server: Recorder, how: str) -> None:
    server.failing = True
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    endpoint = server.url if how == "failing" else nobody
    started = time.perf_counter()
    with (
        langsmith_client(api_key=KEY, endpoint=endpoint) as client,
        pytest.raises(UserError, match="LangSmith did not take the experiment") as told,
    ):
        await run_langsmith(
            Target(runner=graph_runner()), questions(SESSIONS), EVALUATORS, client=client,
            dataset="shop",
        )  # fmt: skip
    assert time.perf_counter() - started < 10
    assert KEY[:5] not in str(told.value)


async def test_lost_traces_are_told_in_one_line_and_nothing_of_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    with langsmith_client(api_key=KEY, endpoint=nobody) as client, traced(client, "shop"):
        await graph_runner().ask({"session": ["i0"]}, None)
        client.flush()
        await graph_runner().ask({"session": ["i0"]}, None)
    lost = [one.getMessage() for one in caplog.records if "lost" in one.getMessage()]
    assert len(lost) == 1
    assert f"LangSmith at {nobody} does not take them" in lost[0]
    assert "Set LANGSMITH_ENDPOINT right" in lost[0]
    assert "\n" not in lost[0]
    assert "Failed to" not in caplog.text
    assert "API Key" not in caplog.text
    assert KEY[:5] not in caplog.text


def test_a_logged_error_says_where_it_came_from_and_tells_nothing_of_keys(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refused() -> None:
        try:
            raise ValueError(f"headers were Bearer {KEY}")
        except ValueError as error:
            raise RuntimeError(f"Unauthorized API Key: {KEY[-8:]}") from error

    with langsmith_client(api_key=KEY):
        log = logging.getLogger("langsmith.client")
        try:
            refused()
        except RuntimeError:
            log.exception("Failed to send: API Key: %s", KEY[-8:])
    assert "in refused" in caplog.text
    assert "RuntimeError: Unauthorized" in caplog.text
    assert "ValueError: headers were" in caplog.text
    assert KEY[:12] not in caplog.text
    assert KEY[-8:] not in caplog.text


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_dead_endpoint_does_not_hold_up_the_end_of_the_process(how: str) -> None:
    script = """
import asyncio, sys, time
from test_langsmith import KEY, SESSIONS
from graph_world import graph_runner
from re2llm.langsmith_client import langsmith_client, traced
runner = graph_runner()
async def main(url):
    with langsmith_client(api_key=KEY, endpoint=url, connect_ms=300, read_ms=1000) as client:
        with traced(client, "shop"):
            for _ in range(50):
                await runner.slate(SESSIONS[0], None)
        started.append(time.perf_counter())
started = []
asyncio.run(main(sys.argv[1]))
print(time.perf_counter() - started[0])
"""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if how == "silent":
            listener.listen(100)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert _run(script, url) < 20


def _run(script: str, url: str) -> float:
    """Run a script with tracing switched on; return its seconds."""
    environment = {
        **os.environ,
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": url,
        "LANGSMITH_API_KEY": KEY,
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
    }
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", script, url], check=True, env=environment, cwd=HERE, timeout=100
    )
    return time.perf_counter() - started
