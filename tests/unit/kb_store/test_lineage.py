"""Hints that come out of other hints."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace

import pytest
from kb_helpers import WordEncoder, make

from re2llm.kb_store.hint import Evidence, Provenance, Status, hint_id
from re2llm.kb_store.lineage import ancestry, merge
from re2llm.kb_store.memory_store import MemoryHintStore

WEAK = make("Prefer cheap items.", evidence=Evidence(own_gain=0.1, gain=0.05, low=0.01, sessions=9))
GOOD = make("Favour low prices.", evidence=Evidence(own_gain=0.1, gain=0.2, low=0.1, sessions=9))
KNOWN = make("Put bargains first.", Status.REFUSED)
BOTH = "Prefer cheap items and favour low prices."


@dataclass
class WrittenMerger:
    answer: str | None

    async def merge(self, a: str, b: str) -> str | None:
        return self.answer


@pytest.fixture
def store(encoder: WordEncoder) -> MemoryHintStore:
    made = MemoryHintStore(encoder)
    made.put_all([WEAK, GOOD], by="test", why="start")
    return made


async def test_merge_takes_the_place_of_both_parents(store: MemoryHintStore) -> None:
    seen = Evidence(own_gain=0.2, gain=0.3, low=0.1, sessions=12)

    async def measure(text: str) -> Evidence:
        return seen if text == BOTH else Evidence(gain=0.25, low=0.1, sessions=12)

    child = await merge(store, WEAK.hint_id, GOOD.hint_id, WrittenMerger(BOTH), measure, by="m")
    assert child is not None
    assert child == store.get(hint_id(BOTH))
    assert (child.status, child.evidence) == (Status.ACTIVE, seen)
    assert child.provenance.parent == GOOD.hint_id
    assert WEAK.hint_id in child.reason
    assert store.eligible().hints == (child,)


async def test_merge_that_is_worse_leaves_the_parents(store: MemoryHintStore) -> None:
    async def measure(text: str) -> Evidence:
        gain = 0.15 if text == BOTH else 0.2
        return Evidence(own_gain=0.2, gain=gain, low=0.1, sessions=12)

    child = await merge(store, WEAK.hint_id, GOOD.hint_id, WrittenMerger(BOTH), measure, by="m")
    assert child is not None
    assert child.status is Status.REFUSED
    assert len(store.eligible().hints) == 2


def refuse_to_measure(text: str) -> Awaitable[Evidence]:
    raise AssertionError("nothing was to be measured")


async def test_a_merged_text_that_gives_something_away_is_refused_untried(
    store: MemoryHintStore,
) -> None:
    both = (WEAK.hint_id, GOOD.hint_id)
    child = await merge(
        store,
        *both,
        WrittenMerger(BOTH),
        refuse_to_measure,
        by="m",
        leak=lambda text: f"names {text[:6]}",
    )
    assert child is not None
    assert child.status is Status.REFUSED
    assert child.reason.endswith("but names Prefer")
    assert len(store.eligible().hints) == 2


async def test_a_merged_text_without_the_form_is_refused_and_kept_without_its_secrets(
    store: MemoryHintStore,
) -> None:
    merger = WrittenMerger("Cheap things are nice, write to ann@example.com")
    child = await merge(store, WEAK.hint_id, GOOD.hint_id, merger, refuse_to_measure, by="m")
    assert child is not None
    assert store.get(child.hint_id) == child
    assert (child.status, child.evidence) == (Status.REFUSED, Evidence())
    assert "example.com" not in child.text
    assert "personal data" in child.reason
    assert len(store.eligible().hints) == 2


@pytest.mark.parametrize("answer", [None, "", KNOWN.text])
async def test_merge_without_a_usable_text_costs_no_trial(
    store: MemoryHintStore, answer: str | None
) -> None:
    store.put(KNOWN, by="test", why="start")
    merger = WrittenMerger(answer)
    both = (WEAK.hint_id, GOOD.hint_id)
    assert await merge(store, *both, merger, refuse_to_measure, by="m") is None
    assert len(store.eligible().hints) == 2


async def test_a_parent_that_says_both_takes_the_place_of_the_other(store: MemoryHintStore) -> None:
    async def measure(text: str) -> Evidence:
        return Evidence(gain=0.2 if text == GOOD.text else 0.1, sessions=12)

    store.record(GOOD.hint_id, shown=3, helped=2)
    kept = await merge(store, WEAK.hint_id, GOOD.hint_id, WrittenMerger(GOOD.text), measure, by="m")
    assert kept is not None
    assert kept.evidence == GOOD.evidence
    assert store.eligible().hints == (replace(kept, shown=3, helped=2),)
    assert [hint.hint_id for hint in ancestry(store, kept.hint_id)] == [GOOD.hint_id, WEAK.hint_id]
    gone = store.get(WEAK.hint_id)
    assert gone is not None
    assert (gone.status, gone.reason) == (Status.RETIRED, f"merged into {GOOD.hint_id}")


async def test_a_parent_that_says_both_and_gains_less_changes_nothing(
    store: MemoryHintStore,
) -> None:
    async def measure(text: str) -> Evidence:
        return Evidence(gain=0.2 if text == GOOD.text else 0.1, sessions=12)

    merger = WrittenMerger(WEAK.text)
    assert await merge(store, WEAK.hint_id, GOOD.hint_id, merger, measure, by="m") is None
    assert len(store.eligible().hints) == 2


def test_ancestry_ends_where_a_parent_is_its_own_child(store: MemoryHintStore) -> None:
    a_id, b_id = hint_id("Prefer A."), hint_id("Prefer B.")
    a = make("Prefer A.", provenance=Provenance(parent=b_id))
    b = make("Prefer B.", provenance=Provenance(parent=a_id))
    store.put_all([a, b], by="test", why="a ring")
    assert ancestry(store, a_id) == [a, b]
