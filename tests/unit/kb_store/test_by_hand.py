"""Hints that people write, reword and switch on."""

from dataclasses import replace

import pytest
from kb_helpers import WordEncoder, make

from re2llm.catalog.items import Item
from re2llm.errors import UserError
from re2llm.kb_store.by_hand import add, edit, enable
from re2llm.kb_store.errors import KnownHint, UnknownHint
from re2llm.kb_store.hint import Evidence, Status
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.lineage import ancestry
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.kb_store.names import Names

WEAK = make("Prefer cheap items.", evidence=Evidence(own_gain=0.1, gain=0.05, low=0.01, sessions=9))
GOOD = make("Favour low prices.", evidence=Evidence(own_gain=0.1, gain=0.2, low=0.1, sessions=9))
SHOP = LeakFilter(Names([Item(item_id="i1", title="Rocket Kitchen Deluxe")]))
NAMING = "Prefer Rocket Kitchen Deluxe over others."


@pytest.fixture
def store(encoder: WordEncoder) -> MemoryHintStore:
    made = MemoryHintStore(encoder)
    made.put_all([WEAK, GOOD], by="test", why="start")
    return made


def reworded(store: MemoryHintStore, name: str, text: str) -> str:
    return edit(store, name, text, leak=SHOP.fault, by="ann", why="clearer").hint_id


def test_what_a_person_adds_is_active_and_tidy(store: MemoryHintStore) -> None:
    new = add(store, ' "Prefer newer items." ', leak=SHOP.fault, by="ann", why="spring")
    assert (new.text, new.status, new.reason) == ("Prefer newer items.", Status.ACTIVE, "spring")
    assert store.get(new.hint_id) == new


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Cheap items are nice.", "it does not tell"),
        (NAMING, "it names"),
        ("Output only JSON.", "it speaks of"),
        ("Prefer items with (redacted).", "it holds what was masked"),
    ],
)
def test_a_person_too_writes_hints_and_nothing_else(
    store: MemoryHintStore, text: str, fault: str
) -> None:
    before = store.log.position()
    with pytest.raises(UserError, match=f"cannot be a hint: {fault}"):
        add(store, text, leak=SHOP.fault, by="ann", why="x")
    with pytest.raises(UserError, match=f"cannot be a hint: {fault}"):
        reworded(store, WEAK.hint_id, text)
    refused = make(text, Status.REFUSED)
    store.put(refused, by="test", why="refused")
    with pytest.raises(UserError, match=f"cannot be a hint: {fault}"):
        enable(store, refused.hint_id, leak=SHOP.fault, by="ann", why="x")
    assert store.log.position() == before + 1


def test_words_that_are_known_keep_their_evidence(store: MemoryHintStore) -> None:
    store.set_status(WEAK.hint_id, Status.REFUSED, by="test", why="does harm")
    with pytest.raises(KnownHint, match=r"is refused \(does harm\)"):
        add(store, "prefer CHEAP items", leak=SHOP.fault, by="ann", why="x")
    on = enable(store, WEAK.hint_id, leak=SHOP.fault, by="ann", why="trust me")
    assert on == replace(WEAK, reason="trust me")


def test_edit_makes_a_child_without_the_old_evidence(store: MemoryHintStore) -> None:
    store.record(WEAK.hint_id, shown=3, helped=1)
    name = reworded(store, WEAK.hint_id, " Prefer very cheap items. ")
    new = store.get(name)
    assert new is not None
    assert (new.text, new.status) == ("Prefer very cheap items.", Status.ACTIVE)
    assert new.evidence == Evidence()
    assert (new.shown, new.helped, new.provenance.parent) == (0, 0, WEAK.hint_id)
    old = store.get(WEAK.hint_id)
    assert old is not None
    assert (old.status, old.reason) == (Status.RETIRED, f"edited into {name}")
    assert [hint.hint_id for hint in ancestry(store, name)] == [name, WEAK.hint_id]


def test_edit_of_case_and_signs_keeps_the_hint(store: MemoryHintStore) -> None:
    assert reworded(store, WEAK.hint_id, "PREFER cheap items!") == WEAK.hint_id
    assert store.get(WEAK.hint_id) == replace(WEAK, text="PREFER cheap items!")


def test_edit_leaves_what_was_refused_on_record_as_refused(store: MemoryHintStore) -> None:
    refused = make("Prefer dear items.", Status.REFUSED, reason="does harm")
    store.put(refused, by="test", why="refused")
    new = store.get(reworded(store, refused.hint_id, "Prefer items of a high price."))
    assert new is not None
    assert new.status is Status.REFUSED
    assert store.get(refused.hint_id) == refused


def test_edit_refuses_what_is_known_or_unknown(store: MemoryHintStore) -> None:
    with pytest.raises(KnownHint, match="says this already, and is active"):
        reworded(store, WEAK.hint_id, GOOD.text)
    with pytest.raises(UnknownHint):
        reworded(store, "h0", "Prefer very cheap items.")
    assert store.get(WEAK.hint_id) == WEAK
