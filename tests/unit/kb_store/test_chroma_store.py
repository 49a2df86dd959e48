"""One writer, and an index that always comes back to what the log says."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import chromadb
import numpy as np
import pytest
from chroma_server import chroma_server
from kb_helpers import WordEncoder, make

from re2llm.errors import UserError
from re2llm.evals.crash_kb import kill_rounds
from re2llm.kb_store.chroma_client import close_client, open_client
from re2llm.kb_store.chroma_index import PREFIX, ChromaIndex
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.entry import Revision
from re2llm.kb_store.errors import IndexUnavailable
from re2llm.kb_store.hint import Status
from re2llm.kb_store.store import Vector

HINTS = [make(f"Prefer kind {n} over others.") for n in range(5)]


def agrees(store: ChromaHintStore, encoder: WordEncoder) -> bool:
    """Whether memory, index and log say the same, vectors included."""
    state = {r.hint.hint_id: r for r in store.log.state().values()}
    active = {i for i, r in state.items() if r.hint.status is Status.ACTIVE}
    vectors = store._chroma.vectors(sorted(active))
    eligible = store.eligible()
    return (
        store._chroma.revisions() == {i: r.seq for i, r in state.items()}
        and vectors.keys() == active
        and all(
            np.allclose(v, encoder.encode([state[i].hint.text])[0], atol=1e-5)
            for i, v in vectors.items()
        )
        and store.hints() == sorted((r.hint for r in state.values()), key=lambda h: h.hint_id)
        and {h.hint_id for h in eligible.hints} == active
    )


def test_a_store_comes_back_as_it_was(tmp_path: Path, encoder: WordEncoder) -> None:
    with ChromaHintStore(tmp_path, encoder) as store:
        assert store.repaired == 0
        store.put_all(HINTS, by="test", why="start")
        store.record(HINTS[0].hint_id, shown=3, hurt=1)
        store.set_status(HINTS[1].hint_id, Status.DISABLED, by="test", why="off")
        before, eligible = store.hints(), store.eligible()
    spent = encoder.encoded
    with ChromaHintStore(tmp_path, encoder) as store:
        assert store.repaired == 0
        assert encoder.encoded == spent
        assert store.hints() == before
        assert store.eligible().hints == eligible.hints
        np.testing.assert_allclose(store.eligible().vectors, eligible.vectors, atol=1e-6)


def test_a_second_writer_is_refused_and_told_who_and_what_to_do(
    tmp_path: Path, encoder: WordEncoder
) -> None:
    program = (
        "import sys, time; from pathlib import Path; from re2llm.kb_store.lock import WriterLock;"
        "lock = WriterLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "lock"], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=f"process {holder.pid} .*Stop that process"):
            ChromaHintStore(tmp_path, encoder)
    finally:
        holder.kill()
        holder.communicate()
    ChromaHintStore(tmp_path, encoder).close()


def test_the_same_process_cannot_open_twice_but_again(tmp_path: Path, encoder: WordEncoder) -> None:
    with ChromaHintStore(tmp_path, encoder), pytest.raises(UserError, match=str(os.getpid())):
        ChromaHintStore(tmp_path, encoder)
    ChromaHintStore(tmp_path, encoder).close()


def test_a_failed_opening_lets_go_of_the_lock(tmp_path: Path, encoder: WordEncoder) -> None:
    ChromaHintStore(tmp_path, encoder).close()
    with pytest.raises(UserError):
        ChromaHintStore(tmp_path, WordEncoder("other"))
    ChromaHintStore(tmp_path, encoder).close()


def test_a_file_in_the_way_is_named(tmp_path: Path, encoder: WordEncoder) -> None:
    (tmp_path / "kb").write_text("in the way")
    with pytest.raises(UserError, match="kb"):
        ChromaHintStore(tmp_path / "kb", encoder)


def test_another_encoder_is_refused_until_the_index_is_rebuilt(tmp_path: Path) -> None:
    with ChromaHintStore(tmp_path, WordEncoder("first")) as store:
        store.put_all(HINTS, by="test", why="start")
    other = WordEncoder("second")
    other.dim = 32
    with pytest.raises(UserError, match=r"'first'.*'second'.*rebuild"):
        ChromaHintStore(tmp_path, other)
    with ChromaHintStore(tmp_path, other, rebuild=True) as store:
        assert store.repaired == len(HINTS)
        assert store.eligible().vectors.shape == (5, 32)
    with ChromaHintStore(tmp_path, other) as store:
        assert agrees(store, other)


def test_a_collection_of_somebody_else_is_refused_until_the_index_is_rebuilt(
    tmp_path: Path, encoder: WordEncoder, chroma_url: str
) -> None:
    with ChromaHintStore(tmp_path, encoder, url=chroma_url) as store:
        store.put_all(HINTS, by="test", why="start")
        name = PREFIX + store.log.identity
    client = open_client(tmp_path, chroma_url)
    client.delete_collection(name)
    client.create_collection(name, embedding_function=None).upsert(["a"], [[1, 2, 3]])
    with pytest.raises(UserError, match=f"{name}.*not made by Re2LLM.*hints rebuild"):
        ChromaHintStore(tmp_path, encoder, url=chroma_url)
    with ChromaHintStore(tmp_path, encoder, url=chroma_url, rebuild=True) as store:
        assert store.repaired == len(HINTS)
        assert agrees(store, encoder)
    client.delete_collection(name)
    close_client(client)


def test_what_only_the_log_knows_is_mended_at_the_next_start(
    tmp_path: Path, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ChromaHintStore(tmp_path, encoder)
    store.put_all(HINTS[:2], by="test", why="start")

    def dies(self: ChromaIndex, revisions: list[Revision], vectors: Vector) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ChromaIndex, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            store.put_all(HINTS[2:4], by="test", why="cut off")
        with pytest.raises(KeyboardInterrupt):
            store.set_status(HINTS[0].hint_id, Status.RETIRED, by="test", why="cut off")
    store.close()
    with ChromaHintStore(tmp_path, encoder) as store:
        assert store.repaired == 3
        assert agrees(store, encoder)
        assert len(store.eligible().hints) == 3


def test_what_the_index_made_up_is_taken_out(tmp_path: Path, encoder: WordEncoder) -> None:
    with ChromaHintStore(tmp_path, encoder) as store:
        store.put_all(HINTS, by="test", why="start")
        stranger = make("Prefer strangers over others.")
        store._chroma.write([Revision(hint=stranger, seq=99)], encoder.encode([stranger.text]))
        moved = replace(HINTS[0], status=Status.RETIRED)
        store._chroma.write([Revision(hint=moved, seq=98)], encoder.encode([moved.text]))
    with ChromaHintStore(tmp_path, encoder) as store:
        assert store.repaired == 2
        assert agrees(store, encoder)


@pytest.mark.parametrize("damage", ["gone", "a file", "database", "cut", "vectors"])
def test_a_damaged_index_is_built_anew(tmp_path: Path, encoder: WordEncoder, damage: str) -> None:
    with ChromaHintStore(tmp_path, encoder) as store:
        store.put_all(HINTS, by="test", why="start")
    chromadb.api.client.SharedSystemClient.clear_system_cache()
    if damage == "gone":
        shutil.rmtree(tmp_path / "index")
    elif damage == "a file":
        shutil.rmtree(tmp_path / "index")
        (tmp_path / "index").write_text("in the way")
    elif damage == "database":
        (tmp_path / "index" / "chroma.sqlite3").write_bytes(b"rubbish" * 1000)
    elif damage == "cut":
        whole = (tmp_path / "index" / "chroma.sqlite3").read_bytes()
        (tmp_path / "index" / "chroma.sqlite3").write_bytes(whole[: len(whole) // 2])
    else:
        for folder in (tmp_path / "index").iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)
    with ChromaHintStore(tmp_path, encoder) as store:
        assert agrees(store, encoder)
        assert len(store.nearest(HINTS[0].text, 9)) == 5


def test_a_lost_record_is_told_and_not_taken_for_an_empty_one(
    tmp_path: Path, encoder: WordEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    with ChromaHintStore(tmp_path, encoder):
        assert not caplog.records
    with ChromaHintStore(tmp_path, encoder) as store:
        store.put_all(HINTS, by="test", why="start")
    for file in tmp_path.glob("hints.sqlite*"):
        file.unlink()
    with ChromaHintStore(tmp_path, encoder) as store:
        assert store.hints() == []
    assert "holds 5 hints of another record" in caplog.text


def test_lost_vectors_are_made_anew(
    tmp_path: Path, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChromaHintStore(tmp_path, encoder) as store:
        store.put_all(HINTS, by="test", why="start")
    readable, failed = ChromaIndex.vectors, []

    def fails_once(self: ChromaIndex, ids: Sequence[str]) -> dict[str, Vector]:
        if not failed:
            failed.append(True)
            raise IndexUnavailable("Error getting embedding")
        return readable(self, ids)

    monkeypatch.setattr(ChromaIndex, "vectors", fails_once)
    with ChromaHintStore(tmp_path, encoder) as store:
        assert store.repaired == 5
        assert agrees(store, encoder)


def test_rebuild_makes_the_same_index(tmp_path: Path, encoder: WordEncoder) -> None:
    with ChromaHintStore(tmp_path, encoder) as store:
        store.put_all(HINTS, by="test", why="start")
        assert store.rebuild() == 5
        assert agrees(store, encoder)


def test_an_index_that_fails_loses_nothing_and_catches_up(
    tmp_path: Path, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChromaHintStore(tmp_path, encoder) as store:

        def fails(self: ChromaIndex, revisions: list[Revision], vectors: Vector) -> None:
            raise IndexUnavailable("no answer")

        with monkeypatch.context() as patch:
            patch.setattr(ChromaIndex, "write", fails)
            assert store.put(HINTS[0], by="test", why="no index")
            assert store.eligible().hints == (HINTS[0],)
        assert not agrees(store, encoder)
        assert store.differences() == 1
        store.put(HINTS[1], by="test", why="index is back")
        assert store.differences() == 0
        assert agrees(store, encoder)


def test_reads_do_not_wait_for_a_slow_write(
    tmp_path: Path, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChromaHintStore(tmp_path, encoder) as store:
        store.put(HINTS[0], by="test", why="start")
        started, release = threading.Event(), threading.Event()

        def waits(self: ChromaIndex, revisions: list[Revision], vectors: Vector) -> None:
            started.set()
            assert release.wait(10)

        monkeypatch.setattr(ChromaIndex, "write", waits)
        writer = threading.Thread(target=store.put, args=(HINTS[1],), kwargs={"by": "t", "why": ""})
        writer.start()
        assert started.wait(10)
        begun = time.perf_counter()
        assert len(store.eligible().hints) == 2
        assert time.perf_counter() - begun < 5
        release.set()
        writer.join()


def test_two_processes_share_a_folder_over_a_server(
    tmp_path: Path, encoder: WordEncoder, chroma_url: str
) -> None:
    with (
        ChromaHintStore(tmp_path, encoder, url=chroma_url) as one,
        ChromaHintStore(tmp_path, encoder, url=chroma_url) as two,
    ):
        one.put(HINTS[0], by="one", why="first")
        assert two.eligible().hints == (HINTS[0],)
        two.record(HINTS[0].hint_id, shown=2)
        one.record(HINTS[0].hint_id, shown=1, helped=1)
        one.put(replace(HINTS[0], title="new"), by="one", why="second")
        two.set_status(HINTS[0].hint_id, Status.DISABLED, by="two", why="off")
        two.put(HINTS[1], by="two", why="third")
        for store in (one, two):
            found = store.get(HINTS[0].hint_id)
            assert found is not None
            assert (found.shown, found.helped, found.title) == (3, 1, "new")
            assert store.eligible().hints == (HINTS[1],)
            assert agrees(store, encoder)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8000", "not the URL of a Chroma server"),
        ("ftp://host", "not the URL of a Chroma server"),
    ],
)
def test_a_wrong_server_is_named_with_the_mend(
    tmp_path: Path, encoder: WordEncoder, url: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        ChromaHintStore(tmp_path, encoder, url=url)


def test_a_server_that_is_away_keeps_nobody_from_starting(
    tmp_path: Path, encoder: WordEncoder
) -> None:
    server = chroma_server(tmp_path / "server")
    with ChromaHintStore(tmp_path / "hints", encoder, url=server.url) as store:
        store.put(HINTS[0], by="a", why="while away")
        with pytest.raises(IndexUnavailable):
            store.mend()
        server.start()
        try:
            time.sleep(2.1)
            assert store.mend() == 1
            assert store.mend() == 0
            assert agrees(store, encoder)
            server.kill()
            store.put(HINTS[1], by="a", why="away again")
            assert {hint.text for hint in store.eligible().hints} == {h.text for h in HINTS[:2]}
        finally:
            server.kill()
    with ChromaHintStore(tmp_path / "hints", encoder, url=server.url) as store:
        assert {hint.text for hint in store.eligible().hints} == {h.text for h in HINTS[:2]}
        with pytest.raises(UserError, match="does not answer"):
            ChromaHintStore(tmp_path / "hints", encoder, url=server.url, rebuild=True)


def test_machines_with_one_postgres_and_an_index_each_read_each_others_hints(
    tmp_path: Path, encoder: WordEncoder, database_url: str
) -> None:
    with (
        ChromaHintStore(tmp_path / "one", encoder, database=database_url) as one,
        ChromaHintStore(tmp_path / "two", encoder, database=database_url) as two,
    ):
        one.put(HINTS[0], by="one", why="first")
        assert two.eligible().hints == (HINTS[0],)
        one.set_status(HINTS[0].hint_id, Status.RETIRED, by="one", why="off")
        found = two.nearest(HINTS[0].text, 1, status=[Status.RETIRED])
        assert [hint.hint_id for hint, _ in found] == [HINTS[0].hint_id]
        for store in (one, two):
            assert agrees(store, encoder)


def test_a_store_is_not_used_across_a_fork(
    tmp_path: Path, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChromaHintStore(tmp_path, encoder) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            with pytest.raises(RuntimeError, match="before a fork"):
                store.eligible()
        assert store.eligible().hints == ()


def test_a_killed_writer_loses_nothing_acknowledged(tmp_path: Path) -> None:
    report = kill_rounds(2, tmp_path, seed=5)
    assert report.acknowledged > 0
    assert (report.lost, report.torn, report.apart) == (0, 0, 0)
