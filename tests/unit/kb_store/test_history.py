"""The log's memory: what was, what changed, and the way back."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from kb_helpers import WordEncoder, make

from re2llm.database import DatabaseUnavailable, SqliteDatabase
from re2llm.errors import UserError
from re2llm.kb_store.audit import AuditLog
from re2llm.kb_store.by_hand import edit
from re2llm.kb_store.entry import Action, Entry
from re2llm.kb_store.hint import Evidence, Provenance, Status
from re2llm.kb_store.history import Change, diff, point, rollback
from re2llm.kb_store.memory_store import MemoryHintStore

CHEAP = make("Prefer cheap items.")
RECENT = make("Prefer recent items.")


@pytest.fixture
def store(encoder: WordEncoder) -> MemoryHintStore:
    return MemoryHintStore(encoder)


def test_every_point_of_the_past_can_be_derived(store: MemoryHintStore) -> None:
    seen = []
    store.put(CHEAP, by="a", why="1")
    seen.append((store.log.position(), store.hints()))
    store.record(CHEAP.hint_id, shown=2, helped=1)
    seen.append((store.log.position(), store.hints()))
    store.set_status(CHEAP.hint_id, Status.DISABLED, by="b", why="2")
    seen.append((store.log.position(), store.hints()))
    store.record(CHEAP.hint_id, shown=1, hurt=1)
    store.put(RECENT, by="c", why="3")
    seen.append((store.log.position(), store.hints()))
    for at, hints in seen:
        state = store.log.state(at=at)
        assert sorted((r.hint for r in state.values()), key=lambda h: h.hint_id) == hints
    assert store.log.state(at=0) == {}


def test_the_log_says_who_when_why_and_what() -> None:
    log = AuditLog(None, clock=lambda: 77.5)
    hint = replace(
        CHEAP,
        evidence=Evidence(own_gain=0.2),
        provenance=Provenance(model="m-1", prompt_version="p-2", parent="h0"),
    )
    entry = Entry(
        action=Action.PUT, tenant="default", hint_id=hint.hint_id, by="ann", why="good", hint=hint
    )
    [written] = log.append([entry])
    assert written == replace(entry, seq=1, at=77.5)
    assert log.entries() == [written]
    assert log.entries(hint_id="other") == []
    assert log.entries(tenant="other") == []


def test_entries_can_be_limited_to_the_last(store: MemoryHintStore) -> None:
    store.put_all([CHEAP, RECENT], by="a", why="1")
    store.set_status(CHEAP.hint_id, Status.DISABLED, by="b", why="2")
    assert [entry.why for entry in store.log.entries(limit=2)] == ["1", "2"]
    assert [entry.seq for entry in store.log.entries(after=1)] == [2, 3]


def test_nothing_can_be_deleted_or_rewritten(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "hints.sqlite")
    log.append([Entry(action=Action.PUT, tenant="t", hint_id="h", by="a", hint=CHEAP)])
    with sqlite3.connect(tmp_path / "hints.sqlite") as db:
        for statement in ("DELETE FROM entries", "UPDATE entries SET why = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)
    db.close()
    log.close()


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "hints.sqlite")
    good = Entry(action=Action.PUT, tenant="t", hint_id="h", by="a", hint=CHEAP)
    bad = replace(good, hint=replace(CHEAP, text="\ud800"))
    with pytest.raises(ValueError, match="surrogates"):
        log.append([good, bad])
    assert log.position() == 0
    log.close()


def test_a_full_disk_is_no_fault_of_who_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(None)

    @contextmanager
    def full(_: object) -> Iterator[None]:
        raise DatabaseUnavailable("database or disk is full")
        yield

    monkeypatch.setattr(SqliteDatabase, "transaction", full)
    with pytest.raises(DatabaseUnavailable, match="make room on the disk"):
        log.append([Entry(action=Action.PUT, tenant="t", hint_id="h", by="a", hint=CHEAP)])
    assert log.position() == 0
    log.close()


def test_a_foreign_file_is_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "hints.sqlite").write_text("not a database, but long enough to be read as one" * 9)
    with pytest.raises(UserError, match="restore it from a backup"):
        AuditLog(tmp_path / "hints.sqlite")


def test_diff_names_what_appeared_moved_and_changed(store: MemoryHintStore) -> None:
    store.put(CHEAP, by="a", why="1")
    start = store.log.position()
    store.record(CHEAP.hint_id, shown=5)
    assert diff(store.log, start, store.log.position()) == []
    moved = store.set_status(CHEAP.hint_id, Status.RETIRED, by="b", why="2")
    store.put(RECENT, by="c", why="3")
    changes = diff(store.log, start, store.log.position())
    assert sorted(changes, key=lambda c: c.before is None) == [
        Change(before=CHEAP, after=moved),
        Change(before=None, after=RECENT),
    ]
    assert diff(store.log, start, store.log.position(), tenant="other") == []


def test_rollback_compensates_and_forgets_nothing(store: MemoryHintStore) -> None:
    store.put(CHEAP, by="a", why="1")
    store.log.snapshot("good", by="ann")
    store.put(replace(CHEAP, title="worse"), by="x", why="2")
    store.set_status(CHEAP.hint_id, Status.RETIRED, by="x", why="3")
    store.record(CHEAP.hint_id, shown=3, helped=1)
    store.put(RECENT, by="x", why="4")
    before = store.log.entries()
    moved = rollback(store, point(store.log, "good"), by="ann", why="that was wrong")
    assert store.get(CHEAP.hint_id) == replace(CHEAP, shown=3, helped=1)
    gone = store.get(RECENT.hint_id)
    assert gone == replace(RECENT, status=Status.RETIRED, reason="that was wrong")
    assert [hint.hint_id for hint in store.eligible().hints] == [CHEAP.hint_id]
    assert {hint.hint_id for hint in moved} == {CHEAP.hint_id, RECENT.hint_id}
    after = store.log.entries()
    assert after[: len(before)] == before
    assert {(entry.by, entry.why) for entry in after[len(before) :]} == {("ann", "that was wrong")}


def test_rollback_can_be_rolled_back(store: MemoryHintStore) -> None:
    store.put(CHEAP, by="a", why="1")
    start = store.log.position()
    store.put(RECENT, by="a", why="2")
    there = store.log.position()
    rollback(store, start, by="ann")
    rollback(store, there, by="ann")
    assert store.hints() == sorted([CHEAP, RECENT], key=lambda hint: hint.hint_id)


def test_rollback_leaves_other_tenants_alone(store: MemoryHintStore) -> None:
    other = make("Prefer dear items.", tenant="other")
    store.put_all([CHEAP, other], by="a", why="1")
    rollback(store, 0, by="ann")
    assert store.get(other.hint_id, tenant="other") == other


def test_points_are_names_or_numbers(store: MemoryHintStore) -> None:
    store.put(CHEAP, by="a", why="1")
    made = store.log.snapshot("before sale", by="ann")
    assert store.log.snapshots() == [made]
    assert point(store.log, "before sale") == point(store.log, "1") == 1
    for wrong in ("after sale", "2", "-1", "²"):
        with pytest.raises(UserError, match="'before sale'"):
            point(store.log, wrong)
    with pytest.raises(UserError, match="exists already"):
        store.log.snapshot("before sale", by="ann")
    for wrong in ("", "12"):
        with pytest.raises(UserError, match="cannot name a snapshot"):
            store.log.snapshot(wrong, by="ann")


def test_a_snapshot_is_its_tenants(store: MemoryHintStore) -> None:
    store.put(CHEAP, by="a", why="1")
    made = store.log.snapshot("sale", by="ann")
    store.put(make("Prefer dear items.", tenant="other"), by="a", why="2")
    assert store.log.snapshots(tenant="other") == []
    with pytest.raises(UserError, match="'sale'; use a snapshot \\(none yet\\)"):
        point(store.log, "sale", tenant="other")
    theirs = store.log.snapshot("sale", by="bob", tenant="other")
    assert (made.seq, theirs.seq) == (1, 2)
    assert point(store.log, "sale") == 1
    assert point(store.log, "sale", tenant="other") == 2


def test_snapshots_from_before_they_had_a_tenant_are_kept(tmp_path: Path) -> None:
    with closing(AuditLog(tmp_path / "log.sqlite")) as log:
        log.snapshot("new", by="ann")
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as old:
        old.execute("INSERT INTO snapshots VALUES ('old', 3, 1.0, 'ann')")
        old.commit()
    for _ in range(2):
        with closing(AuditLog(tmp_path / "log.sqlite")) as log:
            assert {one.name for one in log.snapshots()} == {"old", "new"}
            assert log.snapshots(tenant="other") == []


def test_no_point_lies_within_an_edit(store: MemoryHintStore) -> None:
    store.put(CHEAP, by="a", why="1")
    words = "Prefer items of little cost."
    new = edit(store, CHEAP.hint_id, words, leak=lambda _: None, by="ann", why="clearer")
    store.put(RECENT, by="a", why="2")
    rollback(store, 2, by="ann")
    assert [hint.hint_id for hint in store.eligible().hints] == [new.hint_id]
    assert point(store.log, "2") == point(store.log, "3") == 3
    rollback(store, 1, by="ann")
    assert [hint.hint_id for hint in store.eligible().hints] == [CHEAP.hint_id]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("hint = '{no'", "holds no hint"),
        ("hint = replace(hint, 'cheap', 'dear')", "another hint"),
        ("tenant = 'other'", "another hint"),
        ("action = 'made up'", "'made up'"),
    ],
)
def test_an_entry_changed_behind_our_back_is_named(tmp_path: Path, damage: str, told: str) -> None:
    log = AuditLog(tmp_path / "hints.sqlite")
    for hint in (RECENT, CHEAP):
        entry = Entry(action=Action.PUT, tenant="default", hint_id=hint.hint_id, by="a", hint=hint)
        log.append([entry])
    with sqlite3.connect(tmp_path / "hints.sqlite") as db:
        db.execute("DROP TRIGGER entries_keep")
        db.execute(f"UPDATE entries SET {damage} WHERE seq = 2")
    db.close()
    with pytest.raises(UserError, match=rf"entry 2 .*{told}.*restore"):
        log.state() if "action" not in damage else log.entries()
    log.close()
