"""The command line: quick to start, plain about what is wrong."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from chat_model_server import chat_model_server

from re2llm.catalog.shop.shop import ShopPlan, write_shop

HEAVY = ("torch", "polars", "chromadb", "langgraph", "langchain_openai", "numpy", "matplotlib")


def re2llm(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would."""
    return subprocess.run(
        [sys.executable, "-c", "from re2llm.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_line_starts_without_heavy_imports() -> None:
    code = f"import sys, re2llm, re2llm.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["re2llm", "re2llm.cli"])
def test_the_command_line_runs_as_a_module(module: str) -> None:
    words = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "Usage: " in done.stdout


def test_help_names_every_command() -> None:
    done = re2llm("--help")
    assert done.returncode == 0
    words = ("demo", "ingest", "explore", "train", "evaluate", "recommend", "hints", "doctor")
    for word in (*words, "train-retriever"):
        assert word in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("recommend", "x"),
        ("explore",),
        ("train",),
        ("train-retriever",),
        ("evaluate",),
        ("rebuild",),
        ("hints", "list"),
    ],
)
def test_a_workspace_without_data_is_told_in_one_line(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    done = re2llm(*words, "--workspace", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "re2llm ingest SOURCE" in done.stderr.replace("\n", " ")
    assert not (tmp_path / "none").exists()


def test_a_rebuild_keeps_to_the_encoder_of_the_workspace(tmp_path: Path) -> None:
    write_shop(tmp_path / "data", ShopPlan(items=200, sessions=50))
    (tmp_path / "encoder.txt").write_text("minilm\n")
    done = re2llm("rebuild", "--workspace", str(tmp_path))
    assert done.returncode == 2
    assert "'minilm', but 'lexical' is set" in " ".join(done.stderr.split())
    assert not (tmp_path / "index").exists()
    (tmp_path / "encoder.txt").write_text("lexical\n")
    assert re2llm("rebuild", "--workspace", str(tmp_path)).returncode == 0
    assert list((tmp_path / "index").glob("index-*"))


def test_the_doctor_says_what_is_ill_and_how_to_mend_it(tmp_path: Path) -> None:
    done = re2llm("doctor", "--workspace", str(tmp_path))
    assert done.returncode == 1
    assert "ill" in done.stdout
    assert "re2llm ingest" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_doctor_opens_the_index_by_the_encoder_that_is_set(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "encoder.txt").write_text("other\n", "utf-8")
    before = sorted((shop / "index").glob("*"))
    monkeypatch.setenv("COLUMNS", "300")
    done = re2llm("doctor", "--workspace", str(shop))
    assert done.returncode == 1
    assert "was made with text encoder 'other', but 'lexical' is set" in done.stdout
    assert sorted((shop / "index").glob("*")) == before


def test_a_wrong_filter_is_told_before_anything_is_opened(tmp_path: Path) -> None:
    done = re2llm("recommend", "--filters", "{price}", "--workspace", str(tmp_path))
    assert done.returncode == 2
    assert "no JSON" in done.stderr


def test_starter_hints_are_added_once(shop: Path) -> None:
    first, again = (re2llm("hints", "starter", "--workspace", str(shop)) for _ in range(2))
    assert "Added 14 of 14 hints as shadow" in first.stdout
    assert "Added 0 of 14" in again.stdout


def test_a_command_closes_its_connections_to_the_model(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_model_server() as server:
        monkeypatch.setenv("RE2LLM_MODEL", "tiny")
        monkeypatch.setenv("RE2LLM_BASE_URL", server.url)
        done = re2llm("explore", "--sessions", "4", "--workspace", str(shop))
    assert done.returncode == 0, done.stderr
    assert "nclosed" not in done.stderr


def test_an_interrupted_command_says_that_nothing_is_lost(shop: Path) -> None:
    words = ("explore", "--workspace", str(shop))
    code = "from re2llm.cli import main; main()"
    running = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "RE2LLM_MODEL": "stand-in"},
    )  # fmt: skip
    answers = shop / "answers.sqlite"
    while running.poll() is None and not _kept(answers):
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "what was paid for is kept" in told.replace("\n", " ")
    kept = _kept(answers)
    assert re2llm(*words).returncode == 0
    assert _kept(answers) >= kept > 0


def test_a_small_model_says_at_once_that_its_port_is_taken(tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp", reason="needs the extra 'local'")
    model = tmp_path / "never-loaded.gguf"
    model.touch()
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        done = re2llm("serve-model", "--model", str(model), "--port", port)
    assert done.returncode != 0
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "RE2LLM_BASE_URL" not in done.stdout


def _kept(path: Path) -> int:
    """Count the answers that are on record."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as file:
        try:
            return int(file.execute("SELECT COUNT(*) FROM answers").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_a_chroma_that_is_not_there_is_told_of(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RE2LLM_CHROMA_URL", "http://127.0.0.1:9")
    assert re2llm("hints", "add", "Prefer cheaper items.", "-w", str(shop)).returncode == 0
    done = re2llm("doctor", "--workspace", str(shop))
    assert done.returncode == 1
    assert "does not answer" in " ".join(done.stdout.split())
    done = re2llm("hints", "rebuild", "--workspace", str(shop))
    assert done.returncode == 2
    assert "the Chroma server at 'http://127.0.0.1:9' does not answer" in done.stderr
    assert "Traceback" not in done.stderr
