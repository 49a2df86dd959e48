"""The commands that send: exactly what they promise, nothing unasked, and in bounded time."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import typer
from recorder import Recorder, recorder
from test_langsmith import GRAPH, KEY, OWN_WARNING

from re2llm.commands import judge, langsmith, serve
from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.settings import read_settings
from re2llm.tracing import langsmith as open_langsmith

SESSIONS = 3
RECOMMEND = "import sys; from re2llm.cli import main; sys.argv[1:1] = ['recommend']; main()"
OFF = {"LANGSMITH_TRACING": "false"}
TESTS = Path(__file__).parents[2]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A LangSmith that the environment names, with tracing switched on."""
    with recorder() as record:
        for name, value in {
            "LANGSMITH_API_KEY": KEY,
            "LANGSMITH_ENDPOINT": record.url,
            "LANGSMITH_TRACING": "true",
            "RE2LLM_MODEL": "stand-in",
            "RE2LLM_K": "5",
            "RE2LLM_CANDIDATES": "20",
        }.items():
            monkeypatch.setenv(name, value)
        yield record


def evaluate(shop: Path, **more: object) -> None:
    given: dict[str, object] = {"split": "test", "limit": SESSIONS, "out": None, "max_calls": None}
    judge.evaluate(**{**given, "seed": None, "workspace": shop, **more})  # type: ignore[arg-type]


@pytest.mark.filterwarnings(OWN_WARNING)
def test_an_evaluation_becomes_an_experiment_with_the_promised_traces(
    server: Recorder, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(shop, langsmith=True)
    roots = [run for run in server.runs.values() if not run.get("parent_run_id")]
    assert len(roots) == SESSIONS
    promised = (str(roots[0]["name"]), *GRAPH, "StandInModel")
    assert Counter(server.names) == Counter(dict.fromkeys(promised, SESSIONS))
    metadata = roots[0]["extra"]["metadata"]  # type: ignore[index]
    assert {"session", "hint", "policy", "prompts", "model"} <= set(metadata)
    (dataset,) = server.datasets
    assert f"{SESSIONS} test sessions" in dataset
    assert [one["split"] for one in server.examples.values()] == ["test"] * SESSIONS
    keys = Counter(str(entry["key"]) for entry in server.feedback)
    assert keys["NDCG@10"] == SESSIONS
    assert keys["mean NDCG@10"] == 1
    said = capsys.readouterr().out
    assert "stand-in, not a language model" in said
    assert "95 % interval" in said
    evaluate(shop, langsmith=True)
    assert list(server.datasets) == [dataset]
    assert len(server.examples) == SESSIONS
    runs = sorted((shop / "runs").glob("langsmith-*"))
    assert len(runs) == 2
    capsys.readouterr()
    with pytest.raises(typer.Exit) as ended:
        judge.compare(*runs)
    assert ended.value.exit_code == 0
    assert "cannot be told apart on NDCG@10" in capsys.readouterr().out


@pytest.mark.filterwarnings(OWN_WARNING)
def test_limits_are_asked_for_and_scored(server: Recorder, shop: Path) -> None:
    evaluate(shop, langsmith=True, limit=20, filters='{"price": {"min": 0, "max": 100000}}')
    scores = [one["score"] for one in server.feedback if one["key"] == "constraints met"]
    assert len(scores) == len(server.examples) > 0
    assert set(scores) == {1.0}
    with pytest.raises(UserError, match="no JSON"):
        evaluate(shop, langsmith=True, filters="price")


@pytest.mark.filterwarnings(OWN_WARNING)
def test_candidates_may_be_drawn_for_an_experiment(server: Recorder, shop: Path) -> None:
    evaluate(shop, langsmith=True, candidates=["7"])
    listed = [one["inputs"]["given_candidates"] for one in server.examples.values()]  # type: ignore[index]
    assert [len(one) for one in listed] == [7] * SESSIONS
    (dataset,) = server.datasets
    assert "7 candidates drawn" in dataset


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"langsmith": True, "candidates": ["7"], "seeds": 2}, "--seeds"),
        ({"langsmith": True, "out": Path("here")}, "--out"),
        ({"filters": "{}"}, "--filters"),
        ({"off_policy": True, "candidates": ["full"]}, "--candidates"),
        ({"off_policy": True, "langsmith": True}, "--langsmith"),
    ],
)
def test_an_option_that_would_be_passed_over_is_refused(
    shop: Path, given: dict[str, object], named: str
) -> None:
    with pytest.raises(UserError, match=f"leave out .*{named}"):
        evaluate(shop, **{"limit": None, **given})


async def test_feedback_goes_on_where_it_stopped(
    server: Recorder, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await serve_some(shop)
    await asyncio.to_thread(langsmith.send_feedback, workspace=shop)
    assert "Sent the feedback on 2 slates" in capsys.readouterr().out
    sent = len(server.feedback)
    await asyncio.to_thread(langsmith.send_feedback, workspace=shop)
    assert "on 0 slates" in capsys.readouterr().out
    assert len(server.feedback) == sent
    await serve_some(shop)
    await asyncio.to_thread(langsmith.send_feedback, workspace=shop)
    assert "on 2 slates" in capsys.readouterr().out
    await asyncio.to_thread(langsmith.send_feedback, workspace=shop, anew=True)
    assert "on 4 slates" in capsys.readouterr().out


def test_an_evaluation_without_langsmith_sends_nothing(server: Recorder, shop: Path) -> None:
    evaluate(shop)
    assert server.requests == []


def test_without_a_key_it_says_what_to_set(
    server: Recorder, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANGSMITH_API_KEY")
    with pytest.raises(UserError, match="LANGSMITH_API_KEY"):
        evaluate(shop, langsmith=True)
    with pytest.raises(UserError, match="LANGSMITH_API_KEY"):
        langsmith.send_feedback(workspace=shop)


async def serve_some(shop: Path) -> list[str]:
    """Serve three slates: the first item taken, nothing taken, no feedback yet."""
    async with await Re2LLM.open(read_settings(workspace=shop)) as app:
        asked = [session.items for session in app.parts.dataset.test[:3]]
        slates = [await app.recommend(items) for items in asked]
        await app.feedback(slates[0].id, chosen=slates[0].item_ids[0])
        await app.feedback(slates[1].id, chosen=None)
    return [slate.id for slate in slates]


async def test_what_was_taken_becomes_feedback_on_the_slates_trace(
    server: Recorder, shop: Path
) -> None:
    from re2llm.evals.langsmith_feedback import read_taken, send_taken

    ids = await serve_some(shop)
    roots = {run_id for run_id, run in server.runs.items() if not run.get("parent_run_id")}
    assert {str(uuid.UUID(slate_id)) for slate_id in ids} <= roots
    taken = await read_taken(shop / "slates.sqlite")
    for _ in range(2):
        with open_langsmith(read_settings(workspace=shop)) as client:
            sent = send_taken(client, taken, project="re2llm", dataset="served")
    assert sent.slates == 2
    assert sent.examples == 0
    scores = {(str(one["run_id"]), one["key"]): one["score"] for one in server.feedback}
    first, second = (str(uuid.UUID(slate_id)) for slate_id in ids[:2])
    assert scores[first, "MRR"] == scores[first, "taken from the slate"] == 1
    assert scores[second, "taken"] == scores[second, "MRR"] == 0
    assert len({str(one["id"]) for one in server.feedback}) == len(scores) == 10
    (example,) = server.examples.values()
    assert example["split"] == "production"
    assert "target" in example["outputs"]  # type: ignore[operator]


async def test_slates_are_not_traced_unless_asked_for(
    server: Recorder, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANGSMITH_TRACING")
    await serve_some(shop)
    assert server.requests == []


def test_a_shoppers_words_stay_here(server: Recorder, shop: Path) -> None:
    serve.recommend(request="a present for jo@example.org", k=3, workspace=shop)
    assert server.names.count("re2llm") == 1
    assert b"jo@example.org" not in b"".join(server.raw)


def test_a_failing_endpoint_is_named_once(
    server: Recorder, shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.failing = True
    with pytest.raises(UserError, match="LangSmith did not take the experiment"):
        evaluate(shop, langsmith=True)
    assert [one for one in caplog.records if one.name.startswith("langsmith")] == []


def test_a_dead_endpoint_holds_no_command_up(shop: Path) -> None:
    with socket.socket() as listener:  # takes connections, never answers
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        _, untraced = run(["-c", RECOMMEND, "-w", str(shop)], url, **OFF)
        done, seconds = run(["-c", RECOMMEND, "-w", str(shop)], url)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert seconds < 2 * untraced + 15  # busy machines are slow at both


@pytest.mark.parametrize("tracking", ["true", "false"])
def test_langsmiths_pytest_plugin_tracks_slates_only_when_told(
    server: Recorder, tracking: str
) -> None:
    words = ["-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider"]
    suite = str(TESTS / "langsmith_slates.py")
    off_or_on = {"LANGSMITH_TEST_TRACKING": tracking, "LANGSMITH_TRACING": tracking}
    done, _ = run([*words, suite], server.url, **off_or_on)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    if tracking == "false":
        assert server.requests == []
    else:
        assert "slate valid" in {entry["key"] for entry in server.feedback}
        assert "test_a_slate_lists_candidates_only" in server.names


def run(words: list[str], url: str, **more: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run Python with a LangSmith at this address; return what it said, and its seconds."""
    environment = {
        **os.environ,
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_API_KEY": KEY,
        "LANGSMITH_ENDPOINT": url,
        "RE2LLM_MODEL": "stand-in",
        **more,
    }
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, timeout=90,
        check=False, cwd=TESTS.parent,
    )  # fmt: skip
    return done, time.perf_counter() - started


async def test_the_service_traces_its_slates_masked(server: Recorder, shop: Path) -> None:
    script = "import typer; from re2llm.commands.service import serve; typer.run(serve)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, "-w", str(shop), "--port", "0", stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
    address = next(word for word in line.split() if word.startswith("http://"))
    async with httpx.AsyncClient(base_url=address) as client:
        asked = {"request": "for jo@example.org", "k": 3}
        slate = (await client.post("/v1/recommendations", json=asked)).json()
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0
    (root,) = [run for run in server.runs.values() if not run.get("parent_run_id")]
    assert root["extra"]["metadata"]["thread_id"] == slate["slate_id"]  # type: ignore[index]
    assert root["session_name"] == "re2llm"
    assert root["name"] == "slate"
    assert {"hint:none", "answer:whole"} <= set(root["tags"])  # type: ignore[call-overload]
    assert b"jo@example.org" not in b"".join(server.raw)
