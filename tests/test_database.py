"""What every database must do, over SQLite and over Postgres."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from postgres import once_back, postgres

from re2llm.database import Database, DatabaseUnavailable, few_connections, open_database
from re2llm.errors import UserError
from re2llm.evals.processes import Postgres
from re2llm.kb_store.audit import AuditLog
from re2llm.kb_store.entry import Action, Entry
from re2llm.kb_store.quota import QuotaLimits, ReflectionQuota
from re2llm.llm.answer import Answer
from re2llm.llm.cache import AnswerCache
from re2llm.llm.usage import Usage
from re2llm.policy.rewards import RewardStore, Scope
from re2llm.service.claims import Claims
from re2llm.service.problems import Problem
from re2llm.service.records import open_records
from re2llm.service.replies import Replies, Reply
from re2llm.service.sessions import Event, Kind, Sessions

SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, size REAL, body BLOB
);
"""
ADD = "INSERT INTO things (name, size, body) VALUES (?, ?, ?)"


@pytest.fixture
def database(place: tuple[Path, str | None]) -> Iterator[Database]:
    made = open_database(place[0], SCHEMA, url=place[1])
    yield made
    made.close()


def test_values_come_back_as_they_were(database: Database) -> None:
    assert database.write(ADD, ("a ? b", 0.1 + 0.2, b"\x00\xff")) == 1
    assert database.write(ADD, ("ü", None, None)) == 1
    rows = database.read("SELECT name, size, body FROM things ORDER BY seq")
    assert rows == [("a ? b", 0.1 + 0.2, b"\x00\xff"), ("ü", None, None)]


def test_several_rows_are_written_together_or_not_at_all(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        database.write_all(ADD, [("a", 1.0, None), ("a", 2.0, None)])
    assert database.read("SELECT * FROM things") == []
    database.write_all(ADD, [("a", 1.0, None), ("b", 2.0, None)])
    assert len(database.read("SELECT * FROM things")) == 2


def test_an_unfinished_transaction_leaves_nothing(database: Database) -> None:
    def interrupted() -> None:
        with database.transaction():
            database.write(ADD, ("a", 1.0, None))
            raise KeyError("on the way")

    with pytest.raises(KeyError):
        interrupted()
    assert database.read("SELECT * FROM things") == []


def test_transactions_come_one_after_the_other(
    database: Database, place: tuple[Path, str | None]
) -> None:
    other = open_database(place[0], SCHEMA, url=place[1])
    database.write(ADD, ("count", 0.0, None))
    start = threading.Barrier(8)

    def count(which: Database) -> None:
        start.wait()
        for _ in range(10):
            with which.transaction():
                ((size,),) = which.read("SELECT size FROM things WHERE name = 'count'")
                which.write("UPDATE things SET size = ? WHERE name = 'count'", (size + 1,))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, [database, other] * 4))
    other.close()
    assert database.read("SELECT size FROM things") == [(80.0,)]


def test_transactions_of_other_turns_need_not_wait(database_url: str) -> None:
    one, two = (open_database(None, SCHEMA, url=database_url) for _ in range(2))
    done = threading.Event()

    def other() -> None:
        with two.transaction("b"):
            two.write(ADD, ("b", 1.0, None))
        done.set()

    with one.transaction("a"), ThreadPoolExecutor(1) as pool:
        pool.submit(other)
        assert done.wait(10)
    one.close()
    two.close()


def test_all_tables_of_a_process_share_few_connections(database_url: str) -> None:
    with few_connections(database_url, 3):
        rooms = [open_database(None, SCHEMA, url=database_url) for _ in range(5)]
    counted = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
    most = []

    def work(number: int) -> None:
        rooms[number % 5].write(ADD, (f"{number}", 1.0, None))
        most.append(rooms[number % 5].read(counted)[0][0])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(64)))
    assert max(most) <= 3
    for room in rooms:
        room.close()


def test_an_audit_log_stays_as_it_was_written(place: tuple[Path, str | None]) -> None:
    log = AuditLog(place[0], url=place[1])
    entry = Entry(
        action=Action.RECORD, tenant="t", hint_id="h", by="x", why="kind", shown=2, source="s"
    )
    assert [one.seq for one in log.append([entry, entry])] == [1]
    again = AuditLog(place[0], url=place[1])
    assert again.identity == log.identity
    assert again.entries() == log.entries()
    assert again.by_kind("h", tenant="t")["kind"].shown == 2
    raw = open_database(place[0], "", url=place[1])
    for change in ("DELETE FROM entries", "UPDATE entries SET why = ''"):
        with pytest.raises(DatabaseUnavailable, match="append-only"):
            raw.write(change)
    for each in (log, again, raw):
        each.close()


def test_what_was_paid_for_is_kept(place: tuple[Path, str | None]) -> None:
    cache, rewards = AnswerCache(place[0], url=place[1]), RewardStore(place[0], url=place[1])
    answer = Answer(text="B, A", usage=Usage(calls=1, input_tokens=7, cost=0.5), tokens=())
    cache.put("key", answer, "model")
    cache.put("key", Answer(text="A", usage=Usage(calls=1), tokens=()), "model")
    scope = Scope(model="m", prompt_version="1", metric="ndcg@10")
    rewards.put_all(scope, [("s", "", 0.25), ("s", "h", 0.5)])
    rewards.put(scope, "s", "h", 0.75)
    kept = cache.get("key")
    assert kept is not None
    assert (kept.text, kept.usage) == ("B, A", Usage(cache_hits=1))
    assert (cache.paid().calls, cache.paid().input_tokens, cache.paid().cost) == (1, 7, 0.5)
    assert rewards.find(scope, [("s", "h"), ("s", "other")]) == {("s", "h"): 0.5}
    assert rewards.table(scope, ["s"], ["h"]).gains.tolist() == [[0.25]]
    cache.close()
    rewards.close()


def test_the_quota_lets_what_waits_in_when_there_is_room(place: tuple[Path, str | None]) -> None:
    now = [0.0]
    limits = QuotaLimits(tenant=2, source=2, waiting=3, window=10)
    quota = ReflectionQuota(place[0], limits, url=place[1], clock=lambda: now[0])
    answers = [quota.take(f"slate {n}", tenant="t", source=f"{n}", what="w") for n in range(6)]
    assert [answer is None for answer in answers] == [True, True, False, False, False, False]
    assert (quota.tenants(), quota.count_waiting("t")) == (["t"], 3)
    first = quota.waiting("t", 1)[0]
    assert not quota.grant(first.slate, tenant="t")
    now[0] = 11.0
    assert quota.grant(first.slate, tenant="t")
    assert quota.grant(first.slate, tenant="t")
    quota.settle(first.slate, tenant="t")
    assert quota.count_waiting("t") == 2
    quota.close()


def test_the_service_records_sessions_and_replies(place: tuple[Path, str | None]) -> None:
    records = open_records(place[0], url=place[1])
    sessions = Sessions(records)
    replies = Replies(database=records, claims=Claims(database=records))
    session_id = sessions.start("t").session_id
    sessions.add(
        "t", session_id, [Event(kind=Kind.VIEW, item_id="a"), Event(kind=Kind.SKIP, item_id="b")]
    )
    assert sessions.read("t", session_id).items == ("a",)
    assert replies.claim("t", "key", "digest") is None
    reply = Reply(status=200, kind="text/plain", body=b"\x00 yes")
    replies.settle("t", "key", reply)
    assert replies.claim("t", "key", "digest") == reply
    records.close()


def test_a_request_of_a_replica_that_died_may_be_tried_again(
    place: tuple[Path, str | None],
) -> None:
    records = open_records(place[0], url=place[1])
    one, two = (Claims(database=records) for _ in range(2))
    first, second = (Replies(database=records, claims=claims) for claims in (one, two))
    one.live()
    assert first.claim("t", "key", "digest") is None
    with pytest.raises(Problem, match="in progress"):
        second.claim("t", "key", "digest")
    with pytest.raises(Problem, match="another request"):
        second.claim("t", "key", "other")
    one.end()
    assert second.claim("t", "key", "digest") is None
    late, again = (Reply(status=200, kind="text/plain", body=text) for text in (b"late", b"again"))
    first.settle("t", "key", late)
    second.settle("t", "key", again)
    assert first.claim("t", "key", "digest") == again
    records.close()


def test_a_database_that_went_away_is_told_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with postgres() as server:
        url = server.url("shop")
        database = open_database(None, SCHEMA, url=url)
        cache = AnswerCache(Path("unused"), url=url)
        database.write(ADD, ("kept", 1.0, None))
        server.stop("immediate")
        reached, reach = [], psycopg.connect
        monkeypatch.setattr(psycopg, "connect", lambda *a, **k: reached.append(1) or reach(*a, **k))
        begun = time.monotonic()
        for _ in range(20):
            with pytest.raises(DatabaseUnavailable):
                database.read("SELECT 1")
            assert cache.get("key") is None
            cache.put("key", Answer(text="A", usage=Usage(calls=1), tokens=()), "model")
        assert len(reached) <= 1 + (time.monotonic() - begun) / 0.5
        server.start()
        assert once_back(lambda: database.read("SELECT name FROM things")) == [("kept",)]
        database.close()
        cache.close()


def test_a_wrong_url_is_named_without_its_password(postgres_server: Postgres) -> None:
    url = f"postgresql://postgres:secret@127.0.0.1:{postgres_server.port}/nowhere"
    with pytest.raises(UserError, match="RE2LLM_DATABASE_URL") as error:
        AuditLog(None, url=url)
    assert "secret" not in str(error.value)
