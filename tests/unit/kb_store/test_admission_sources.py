"""Who leads to a hint, and what it adds to those that are active."""

import asyncio

import pytest
from admitting import PRICE, RECENT, RECENT_TOO, WrittenTrial, admission, drafts, failed
from kb_helpers import WordEncoder, make

from re2llm.kb_store.admission import AdmissionRules
from re2llm.kb_store.hint import Evidence, Status, hint_id
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.kb_store.redundancy import RedundancyRules


@pytest.fixture
def store(encoder: WordEncoder) -> MemoryHintStore:
    return MemoryHintStore(encoder)


async def test_outside_feedback_needs_independent_sources(store: MemoryHintStore) -> None:
    gate = admission(store, WrittenTrial(), rules=AdmissionRules(sources=2))
    for session in range(3):
        [hint] = await gate.admit(failed(session), drafts(RECENT), tenant="default", source="eve")
        assert hint.status is Status.SHADOW
        assert "1 of 2 independent sources" in hint.reason
    assert store.eligible().hints == ()
    [hint] = await gate.admit(failed(0), drafts(RECENT), tenant="default", source="bob")
    assert hint.status is Status.ACTIVE
    assert store.eligible().hints == (hint,)


async def test_a_source_that_the_hint_does_not_help_is_no_supporter(
    store: MemoryHintStore,
) -> None:
    rules = AdmissionRules(sources=2)
    thin = WrittenTrial(similar={RECENT: [0.5, -0.4] * 15})
    await admission(store, thin, rules=rules).admit(
        failed(0), drafts(RECENT), tenant="default", source="ann"
    )
    useless = WrittenTrial(own={RECENT: 0.0})
    await admission(store, useless, rules=rules).admit(
        failed(1), drafts(RECENT), tenant="default", source="eve"
    )
    assert store.supporters(hint_id(RECENT)) == 1


async def test_a_source_whose_trial_told_less_still_seconds_what_passed(
    store: MemoryHintStore,
) -> None:
    rules = AdmissionRules(sources=2)
    [first] = await admission(store, WrittenTrial(), rules=rules).admit(
        failed(0), drafts(RECENT), tenant="default", source="ann"
    )
    assert first.status is Status.SHADOW
    thin = WrittenTrial(similar={RECENT: [0.5, -0.4] * 40})
    gate = admission(store, thin, rules=rules)
    [again] = await gate.admit(failed(1), drafts(RECENT), tenant="default", source="ann")
    assert again.status is Status.SHADOW
    [second] = await gate.admit(failed(2), drafts(RECENT), tenant="default", source="bob")
    assert second.status is Status.ACTIVE
    assert second.evidence == first.evidence
    # Thin evidence stays thin, however many sources there are.
    for number, source in enumerate(("ann", "bob", "cat")):
        said = drafts("Favour what is dear.")
        weak = WrittenTrial(similar={"Favour what is dear.": [0.5, -0.4] * 40})
        gate = admission(store, weak, rules=rules)
        [other] = await gate.admit(failed(number), said, tenant="default", source=source)
        assert other.status is Status.SHADOW


async def test_without_a_source_each_session_counts_once(store: MemoryHintStore) -> None:
    gate = admission(store, WrittenTrial(), rules=AdmissionRules(sources=2))
    [first] = await gate.admit(failed(0), drafts(RECENT), tenant="default")
    [second] = await gate.admit(failed(0), drafts(RECENT), tenant="default")
    [third] = await gate.admit(failed(1), drafts(RECENT), tenant="default")
    statuses = [first.status, second.status, third.status]
    assert statuses == [Status.SHADOW, Status.SHADOW, Status.ACTIVE]


async def test_a_paraphrase_supports_but_one_source_cannot_pass_with_two_wordings(
    store: MemoryHintStore,
) -> None:
    gate = admission(store, WrittenTrial(), rules=AdmissionRules(sources=2))
    await gate.admit(failed(0), drafts(RECENT), tenant="default", source="eve")
    [same] = await gate.admit(failed(1), drafts(RECENT_TOO), tenant="default", source="eve")
    assert same.status is Status.REFUSED
    assert store.eligible().hints == ()
    [heir] = await gate.admit(failed(2), drafts(RECENT_TOO), tenant="default", source="bob")
    assert heir.status is Status.ACTIVE
    assert heir.provenance.parent == hint_id(RECENT)


BRAND = "Look for the brand of the latest item."


async def test_what_adds_nothing_to_the_active_ones_waits(store: MemoryHintStore) -> None:
    store.put(make(RECENT), by="t", why="t")
    same = [0.1, 0.2] * 60
    better = [0.2, 0.3] * 60
    worse_first = [0.05, 0.1] * 12 + better[24:]
    for gains, status in ((same, Status.SHADOW), (better, Status.ACTIVE), (same, Status.ACTIVE)):
        clone = MemoryHintStore(WordEncoder())
        clone.put_all(store.hints(), by="test", why="copy")
        known = {RECENT: [-0.1, 0.05] * 60 if status is Status.ACTIVE and gains is same else same}
        gate = admission(clone, WrittenTrial(similar={**known, PRICE: gains}))
        [hint] = await gate.admit(failed(), drafts(PRICE), tenant="default")
        assert hint.status is status
        assert hint.evidence.adds == (status is Status.ACTIVE)
        assert ("not surely more than what is active" in hint.reason) != hint.evidence.adds
        assert (hint_id(RECENT) in hint.reason) != hint.evidence.adds
    # Only sessions that had no part in choosing the rival are compared on.
    trial = WrittenTrial(similar={RECENT: same, PRICE: worse_first})
    [hint] = await admission(store, trial).admit(failed(), drafts(PRICE), tenant="default")
    assert hint.status is Status.ACTIVE


async def test_it_is_measured_against_the_best_active_one_there(store: MemoryHintStore) -> None:
    others = [make(f"Favour kind {n} of the things in the list.") for n in range(40)]
    store.put_all([make(RECENT), make(BRAND), *others], by="t", why="t")
    own = {hint.text: 0.0 for hint in others}
    gains = {RECENT: [0.0, 0.1] * 60, BRAND: [0.2, 0.3] * 60, PRICE: [0.1, 0.2] * 60}
    surest = {BRAND: 0.2, RECENT: 0.1}
    for text, low in surest.items():
        store.put(make(text, evidence=Evidence(low=low)), by="t", why="t")
    trial = WrittenTrial(own=own, similar=gains)
    near = RedundancyRules(ask=1.1, same=1.1, alone=1.1)
    [hint] = await admission(store, trial, near=near).admit(
        failed(), drafts(PRICE), tenant="default"
    )
    assert hint.status is Status.SHADOW
    assert hint_id(BRAND) in hint.reason
    rules = AdmissionRules()
    looks = rules.sessions + rules.confirm
    pilots = rules.pilot + 3 * rules.pilot + rules.sessions + looks
    most = 1 + pilots + rules.looked_at + rules.rivals * rules.sessions + 2 * looks
    assert trial.calls <= most


async def test_a_hint_that_adds_nothing_gets_in_by_no_number_of_sources(
    store: MemoryHintStore,
) -> None:
    store.put(make(RECENT), by="t", why="t")
    trial = WrittenTrial(similar={RECENT: [0.1, 0.2] * 60, PRICE: [0.1, 0.2] * 60})
    gate = admission(store, trial, rules=AdmissionRules(sources=2))
    for session, source in enumerate(("ann", "bob", "cat")):
        [hint] = await gate.admit(failed(session), drafts(PRICE), tenant="default", source=source)
        assert hint.status is Status.SHADOW
    assert store.supporters(hint_id(PRICE)) == 3


async def test_of_hints_proposed_together_the_second_is_measured_against_the_first(
    store: MemoryHintStore,
) -> None:
    gate = admission(store, WrittenTrial(similar={}, own={}))
    admitted = await asyncio.gather(
        *(
            gate.admit(failed(n), drafts(text), tenant="default")
            for n, text in enumerate((RECENT, PRICE, BRAND))
        )
    )
    statuses = sorted(hint.status.value for [hint] in admitted)
    assert statuses == ["active", "shadow", "shadow"]
