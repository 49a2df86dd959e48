"""Two hints that say the same: the better one stays, with the history of the other."""

import asyncio
from collections.abc import Sequence

import pytest
from admitting import (
    ALONE,
    PRICE,
    RECENT,
    RECENT_TOO,
    WrittenJudge,
    WrittenTrial,
    admission,
    drafts,
    failed,
)
from kb_helpers import WordEncoder, make

from re2llm.catalog.hashing import HashingEncoder
from re2llm.evals.bench_redundancy import StandIn
from re2llm.kb_store.hint import Evidence, Provenance, Status
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.kb_store.redundancy import Redundancy, RedundancyRules


@pytest.fixture
def store(encoder: WordEncoder) -> MemoryHintStore:
    return MemoryHintStore(encoder)


async def test_a_duplicate_of_a_better_hint_is_refused(store: MemoryHintStore) -> None:
    old = make(RECENT, evidence=Evidence(own_gain=0.5, gain=0.4, low=0.3, sessions=16))
    store.put(old, by="test", why="admitted")
    [hint] = await admission(store, WrittenTrial()).admit(
        failed(), drafts(RECENT_TOO), tenant="default"
    )
    assert hint.status is Status.REFUSED
    assert f"says the same as {old.hint_id}" in hint.reason
    assert store.eligible().hints == (old,)


async def test_a_better_duplicate_takes_the_place_with_lineage(store: MemoryHintStore) -> None:
    weak = Evidence(own_gain=0.1, gain=0.05, low=0.01, sessions=16)
    old = make(RECENT, evidence=weak, provenance=Provenance(source="explore"))
    store.put(old, by="test", why="admitted")
    before = store.log.position()
    [hint] = await admission(store, WrittenTrial(own={RECENT: 0.1})).admit(
        failed(), drafts(RECENT_TOO), tenant="default"
    )
    assert hint.status is Status.ACTIVE
    assert hint.provenance.parent == old.hint_id
    gone = store.get(old.hint_id)
    assert gone is not None
    assert gone.status is Status.RETIRED
    assert hint.hint_id in gone.reason
    assert [hint.hint_id for hint in store.eligible().hints] == [hint.hint_id]
    together = [entry for entry in store.log.entries(after=before) if entry.hint is not None]
    assert len({entry.at for entry in together}) == 1
    assert len(together) == 2


async def test_a_duplicate_that_helps_no_more_where_it_was_written_costs_two_calls(
    store: MemoryHintStore,
) -> None:
    old = make(RECENT, provenance=Provenance(source="explore"))
    store.put(old, by="test", why="admitted")
    trial = WrittenTrial(own={RECENT: 0.3, RECENT_TOO: 0.3})
    [hint] = await admission(store, trial).admit(failed(), drafts(RECENT_TOO), tenant="default")
    assert hint.status is Status.REFUSED
    assert trial.calls == 2


async def test_the_judge_is_asked_between_the_two_distances(store: MemoryHintStore) -> None:
    store.put(make(RECENT, provenance=Provenance(source="person")), by="ann", why="mine")
    near = RedundancyRules(same=0.999, ask=0.5, alone=0.999)
    yes, no, unsure = WrittenJudge(True), WrittenJudge(False), WrittenJudge(None)
    for judge, status in ((yes, Status.REFUSED), (no, Status.ACTIVE), (unsure, Status.ACTIVE)):
        clone = MemoryHintStore(WordEncoder())
        clone.put_all(store.hints(), by="test", why="copy")
        gate = admission(clone, WrittenTrial(), judge=judge, near=near, rules=ALONE)
        [hint] = await gate.admit(failed(), drafts(RECENT_TOO), tenant="default")
        assert hint.status is status
        assert judge.asked >= 1
        asked = judge.asked
        await gate.admit(failed(), drafts(PRICE), tenant="default")
        assert judge.asked == asked


async def test_other_words_for_one_rule_are_found_by_one_question_and_its_check() -> None:
    store = MemoryHintStore(HashingEncoder())
    known = [make(text) for text in (RECENT, PRICE, "Favour candidates of similar years.")]
    store.put_all(known, by="t", why="t")
    judge = StandIn()
    for draft in ("Prefer candidates from the same era.", "Look for a gift."):
        redundancy = Redundancy(store=store, judge=judge)
        twin = await redundancy.twin(draft, tenant="default", status=[Status.ACTIVE])
        assert (twin == known[2]) == ("era" in draft)
        assert max(cosine for _, cosine in store.nearest(draft, 3)) < 0.6


async def test_a_pick_that_is_not_confirmed_is_no_twin(store: MemoryHintStore) -> None:
    store.put_all([make(RECENT), make(PRICE)], by="t", why="t")

    class Hasty(WrittenJudge):
        async def which(self, text: str, others: Sequence[str]) -> int | None:
            return 1

    redundancy = Redundancy(store=store, judge=Hasty(False))
    assert await redundancy.twin("Keep on.", tenant="default", status=[Status.ACTIVE]) is None


async def test_a_word_that_turns_the_meaning_is_not_settled_by_distance(
    store: MemoryHintStore,
) -> None:
    store.put(make("Prefer dear things over cheap things in such sessions."), by="t", why="t")
    near = RedundancyRules(same=0.5, ask=0.3, alone=0.5)
    turned = "Never prefer dear things over cheap things in such sessions."
    gate = admission(store, WrittenTrial(), near=near, rules=ALONE)
    [hint] = await gate.admit(failed(), drafts(turned), tenant="default")
    assert hint.status is Status.ACTIVE


async def test_at_once_only_one_of_two_equal_drafts_enters(store: MemoryHintStore) -> None:
    gate = admission(store, WrittenTrial())
    results = await asyncio.gather(
        gate.admit(failed(0), drafts(RECENT), tenant="default"),
        gate.admit(failed(1), drafts(RECENT_TOO), tenant="default"),
        gate.admit(failed(2), drafts(RECENT), tenant="default"),
    )
    active: set[str] = {h.hint_id for hints in results for h in hints if h.status is Status.ACTIVE}
    assert len(active) == len(store.eligible().hints) == 1
