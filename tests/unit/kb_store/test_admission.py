"""Which drafts enter, in which status, at what cost, and what the record says."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from kb_helpers import WordEncoder, make

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.hashing import HashingEncoder
from re2llm.catalog.items import Item
from re2llm.evals.bench_redundancy import StandIn
from re2llm.kb_store.admission import AdmissionRules, HintAdmission, Writer
from re2llm.kb_store.effect import TrialUnavailable, evidence
from re2llm.kb_store.hint import Evidence, Provenance, Status, hint_id
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.kb_store.names import Names
from re2llm.kb_store.redundancy import Redundancy, RedundancyRules
from re2llm.llm.ranking import RankTask
from re2llm.llm.reflection import Failure, HintDraft, Reflection

ITEMS = [Item(item_id=f"item-{n}", title=f"Plain thing number {n}") for n in range(9)]
RECENT = "Prefer items near the most recent purchase."
RECENT_TOO = "Prefer items near the most recent purchase always."
PRICE = "Demote candidates far above the usual price."
ALONE = AdmissionRules(rivals=0)
"""Measured against no other hint."""


@dataclass
class WrittenTrial:
    """Gains written beforehand by the hint's first word; counts the sessions it was asked for."""

    own: Mapping[str, float] = field(default_factory=dict)
    similar: Mapping[str, Sequence[float]] = field(default_factory=dict)
    calls: int = 0

    async def own_gain(self, failure: Failure, hint_text: str) -> float:
        await asyncio.sleep(0)
        self.calls += 1
        gain = self.own.get(hint_text, 0.2)
        if gain == -9:
            raise TrialUnavailable("the budget is spent")
        return gain

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> Sequence[float]:
        await asyncio.sleep(0)
        self.calls += n
        return self.similar.get(hint_text, [0.1, 0.2] * 30)[:n]


@dataclass
class WrittenJudge:
    answer: bool | None
    asked: int = 0

    async def same(self, a: str, b: str) -> bool | None:
        self.asked += 1
        return self.answer

    async def which(self, text: str, others: Sequence[str]) -> int | None:
        self.asked += 1
        return None if self.answer is None else int(self.answer)


@pytest.fixture
def store(encoder: WordEncoder) -> MemoryHintStore:
    return MemoryHintStore(encoder)


def admission(
    store: MemoryHintStore,
    trial: WrittenTrial,
    *,
    judge: WrittenJudge | None = None,
    rules: AdmissionRules | None = None,
    near: RedundancyRules | None = None,
) -> HintAdmission:
    return HintAdmission(
        store,
        leak=LeakFilter(Names(ITEMS)),
        redundancy=Redundancy(store=store, judge=judge, rules=near or RedundancyRules()),
        trial=trial,
        writer=Writer(source="explore", model="m-1", prompt_version="p-2"),
        rules=rules,
        clock=lambda: 1000.0,
    )


def failed(session: int = 0) -> Failure:
    candidates = tuple(Candidate(item=item, score=0.0) for item in ITEMS[3:])
    task = RankTask(session=(ITEMS[session],), candidates=candidates)
    return Failure(task=task, order=(), target="item-5")


def drafts(*texts: str) -> Reflection:
    return Reflection(drafts=tuple(HintDraft(text=text) for text in texts))


async def test_an_effective_hint_becomes_active_with_its_record(store: MemoryHintStore) -> None:
    trial = WrittenTrial()
    draft = HintDraft(text=f"1. {RECENT}", title="Recency", when="Rank item-5 first.")
    [hint] = await admission(store, trial).admit(
        failed(), Reflection(drafts=(draft,)), tenant="shop"
    )
    assert hint.status is Status.ACTIVE
    assert hint.text == RECENT
    assert (hint.title, hint.when) == ("Recency", "")
    assert hint.evidence == evidence(0.2, [0.1, 0.2] * 30, 0.975)
    assert hint.evidence.low > 0
    assert hint.provenance == Provenance(
        source="explore",
        session_id=hint.provenance.session_id,
        model="m-1",
        prompt_version="p-2",
        created=1000.0,
    )
    assert store.get(hint.hint_id, tenant="shop") == hint
    assert store.hints() == []
    assert store.log.entries()[0].why == hint.reason
    assert "+0.150 on 60 similar" in hint.reason


@pytest.mark.parametrize(
    ("own", "similar", "status", "reason"),
    [
        (0.0, [0.5] * 30, Status.REFUSED, "does not help on the failed session"),
        (-0.1, [0.5] * 30, Status.REFUSED, "does not help on the failed session"),
        (0.3, [-0.1, 0.05] * 15, Status.REFUSED, "does not help on similar sessions"),
        (0.3, [0.0] * 30, Status.REFUSED, "does not help on similar sessions"),
        (0.3, [0.5, -0.4] * 15, Status.SHADOW, "thin evidence"),
        (0.3, [0.2] * 5, Status.SHADOW, "thin evidence"),
        (0.3, [], Status.CANDIDATE, "no similar one"),
        (-9, [], Status.CANDIDATE, "the budget is spent"),
        (float("nan"), [0.5] * 30, Status.CANDIDATE, "no number"),
        (0.3, [0.2, float("nan")] * 15, Status.ACTIVE, "admitted"),
    ],
)
async def test_the_status_follows_the_evidence(
    store: MemoryHintStore, own: float, similar: list[float], status: Status, reason: str
) -> None:
    trial = WrittenTrial(own={RECENT: own}, similar={RECENT: similar})
    [hint] = await admission(store, trial).admit(failed(), drafts(RECENT), tenant="default")
    assert hint.status is status
    assert reason in hint.reason
    assert store.get(hint.hint_id) == hint


async def test_calls_are_not_spent_on_what_cannot_pass(store: MemoryHintStore) -> None:
    trial = WrittenTrial(own={PRICE: 0.0}, similar={RECENT: [-0.1, 0.0, -0.2, 0.0]})
    await admission(store, trial).admit(
        failed(), drafts("Rank item-5 first.", "ok", PRICE, RECENT), tenant="default"
    )
    assert trial.calls == 1 + 1 + 4
    dull = WrittenTrial(similar={RECENT: [0.1, -0.2, 0.0, 0.0] * 6})
    await admission(store, dull).admit(failed(1), drafts(RECENT), tenant="default")
    assert dull.calls == 1 + 4 + 12


async def test_refused_texts_are_kept_without_their_secrets(store: MemoryHintStore) -> None:
    secret = "Prefer items of sk-abc123def456ghi789 and bob@example.org."
    leak = "Rank item-5 before the rest."
    hints = await admission(store, WrittenTrial()).admit(
        failed(), drafts(secret, leak), tenant="default"
    )
    assert [hint.status for hint in hints] == [Status.REFUSED, Status.REFUSED]
    assert "sk-abc" not in hints[0].text
    assert "bob@" not in hints[0].text
    assert hints[1].reason == "names an item by its identifier"
    assert store.hints(status=[Status.REFUSED]) == sorted(hints, key=lambda hint: hint.hint_id)
    assert "sk-abc" not in "".join(str(entry) for entry in store.log.entries())


async def test_admitting_again_changes_nothing_and_asks_nothing(store: MemoryHintStore) -> None:
    trial = WrittenTrial(own={PRICE: -0.1})
    gate = admission(store, trial)
    first = await gate.admit(failed(), drafts(RECENT, PRICE), tenant="default")
    spent, before = trial.calls, store.hints()
    again = await gate.admit(failed(), drafts(RECENT, PRICE), tenant="default")
    assert list(again) == list(first)
    assert trial.calls == spent
    assert store.hints() == before


async def test_a_refused_hint_gets_another_chance_on_another_session(
    store: MemoryHintStore,
) -> None:
    trial = WrittenTrial(own={RECENT: 0.0})
    gate = admission(store, trial)
    [first] = await gate.admit(failed(0), drafts(RECENT), tenant="default")
    trial.own = {RECENT: 0.4}
    [second] = await gate.admit(failed(1), drafts(RECENT), tenant="default")
    assert (first.status, second.status) == (Status.REFUSED, Status.ACTIVE)
    assert second.hint_id == first.hint_id


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.DISABLED, Status.RETIRED])
async def test_a_draft_never_moves_what_was_decided(store: MemoryHintStore, status: Status) -> None:
    old = make(RECENT, status, reason="decided")
    store.put(old, by="person", why="decided")
    trial = WrittenTrial()
    [hint] = await admission(store, trial).admit(failed(), drafts(RECENT), tenant="default")
    assert hint == old == store.get(old.hint_id)
    assert trial.calls == 0


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


async def test_a_hint_proposed_often_does_not_pass_by_chance(store: MemoryHintStore) -> None:
    rng = np.random.default_rng(3)
    passed = 0
    for number in range(40):
        text = f"Prefer kind {number} over the other kinds."
        for session in range(6):
            trial = WrittenTrial(similar={text: list(rng.normal(0, 0.2, 24))})
            near = RedundancyRules(ask=1.1, same=1.1, alone=1.1)
            gate = admission(store, trial, near=near)
            [hint] = await gate.admit(failed(session), drafts(text), tenant="default")
        passed += hint.status is Status.ACTIVE
    assert passed <= 0.2 * 40


async def test_a_candidate_becomes_a_shadow_and_then_active(store: MemoryHintStore) -> None:
    steps = [(-9, []), (0.3, [0.5, -0.4] * 15), (0.3, []), (0.3, [0.4, 0.5] * 15)]
    seen = []
    for session, (own, similar) in enumerate(steps):
        trial = WrittenTrial(own={RECENT: own}, similar={RECENT: similar})
        gate = admission(store, trial)
        [hint] = await gate.admit(failed(session), drafts(RECENT), tenant="default")
        seen.append(hint.status)
    assert seen == [Status.CANDIDATE, Status.SHADOW, Status.SHADOW, Status.ACTIVE]
    assert hint.provenance.session_id == store.log.entries()[0].hint.provenance.session_id


async def test_people_are_not_overruled(store: MemoryHintStore) -> None:
    mine = make(RECENT, provenance=Provenance(source="person"))
    off = make(PRICE, Status.DISABLED)
    store.put_all([mine, off], by="ann", why="mine")
    trial = WrittenTrial()
    hints = await admission(store, trial).admit(
        failed(), drafts(RECENT_TOO, f"Also {PRICE.lower()}"), tenant="default"
    )
    assert [hint.status for hint in hints] == [Status.REFUSED, Status.REFUSED]
    assert "a person switched off" in hints[1].reason
    assert store.get(mine.hint_id) == mine
    assert store.get(off.hint_id) == off


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


async def test_what_looked_good_must_gain_on_further_sessions_too(store: MemoryHintStore) -> None:
    lucky = WrittenTrial(similar={RECENT: [0.5, 0.4] * 12 + [0.1, -0.1] * 24})
    [hint] = await admission(store, lucky).admit(failed(), drafts(RECENT), tenant="default")
    assert hint.evidence.low > 0
    assert not hint.evidence.confirmed
    assert hint.status is Status.SHADOW
    assert "less so on further sessions" in hint.reason
    good = WrittenTrial(similar={PRICE: [0.1, 0.2] * 12 + [0.1, 0.0] * 24})
    [hint] = await admission(store, good).admit(failed(), drafts(PRICE), tenant="default")
    assert hint.status is Status.ACTIVE
    assert hint.evidence.sessions == 72


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


async def test_at_once_only_one_of_two_equal_drafts_enters(store: MemoryHintStore) -> None:
    gate = admission(store, WrittenTrial())
    results = await asyncio.gather(
        gate.admit(failed(0), drafts(RECENT), tenant="default"),
        gate.admit(failed(1), drafts(RECENT_TOO), tenant="default"),
        gate.admit(failed(2), drafts(RECENT), tenant="default"),
    )
    active: set[str] = {h.hint_id for hints in results for h in hints if h.status is Status.ACTIVE}
    assert len(active) == len(store.eligible().hints) == 1


def test_evidence_is_paired_and_one_sided() -> None:
    seen = evidence(0.3, [0.1, 0.2, 0.3, 0.0], 0.9)
    assert seen.gain == pytest.approx(0.15)
    # Student's t, 3 degrees of freedom, 90 %: 1.6377; standard error .12910 / 2.
    assert seen.low == pytest.approx(0.15 - 1.6377 * 0.1290994 / 2, abs=1e-4)
    assert evidence(0.3, [0.5], 0.9).low == -1.0


async def test_what_becomes_active_is_mostly_good(store: MemoryHintStore) -> None:
    """One draft in five helps by half a standard deviation; the others do nothing at all.

    Of 120 useless ones that helped on their own session by chance, hardly one may pass the
    first sessions and the further ones.
    """
    rng = np.random.default_rng(0)
    texts = [f"Prefer kind {n} over the other kinds." for n in range(300)]
    good = set(texts[::5])
    noise = {text: list(rng.normal(0.1 if text in good else 0.0, 0.2, 72)) for text in texts}
    own = {text: rng.normal(0.2 if text in good else 0.0, 0.2) for text in texts}
    gate = admission(
        store,
        WrittenTrial(own=own, similar=noise),
        near=RedundancyRules(ask=1.1, same=1.1, alone=1.1),
        rules=ALONE,
    )
    await gate.admit(failed(), drafts(*texts), tenant="default")
    active = [hint.text in good for hint in store.hints(status=[Status.ACTIVE])]
    assert sum(active) >= 0.5 * len(good)
    assert np.mean(active) >= 0.9


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
