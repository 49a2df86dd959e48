"""Which drafts enter, in which status, at what cost, and what the record says."""

from dataclasses import replace

import numpy as np
import pytest
from admitting import ALONE, PRICE, RECENT, RECENT_TOO, WrittenTrial, admission, drafts, failed
from kb_helpers import WordEncoder, make

from re2llm.kb_store.effect import evidence
from re2llm.kb_store.hint import Provenance, Status
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.kb_store.redundancy import RedundancyRules
from re2llm.llm.reflection import HintDraft, Reflection


@pytest.fixture
def store(encoder: WordEncoder) -> MemoryHintStore:
    return MemoryHintStore(encoder)


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


@pytest.mark.parametrize("spoilt", ["{} \U0001f600", "{}\u200b", "{}??", "\ud800{}"])
async def test_a_spoilt_draft_does_not_stand_in_the_way_of_the_honest_one(
    store: MemoryHintStore, spoilt: str
) -> None:
    first, second = spoilt.format(RECENT), RECENT
    hints = await admission(store, WrittenTrial()).admit(
        failed(), drafts(first, second), tenant="default"
    )
    assert (hints[-1].text, hints[-1].status) == (RECENT, Status.ACTIVE)
    assert [hint.text for hint in store.eligible().hints] == [RECENT]


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


@pytest.mark.parametrize(
    "text",
    [
        "Prefer what lydia kovacs wants.",
        "Prefer what suits LydiaKovacs best.",
        "lydia kovacs said so. And so. And so. And so.",
    ],
)
async def test_what_only_the_shopper_says_is_not_even_kept_of_what_is_refused(
    store: MemoryHintStore, text: str
) -> None:
    failure = failed()
    failure = replace(failure, task=replace(failure.task, request="quiet things for Lydia Kovacs"))
    draft = HintDraft(text=text, title="for lydia", when="lydia buys")
    [hint] = await admission(store, WrittenTrial()).admit(
        failure, Reflection(drafts=(draft,)), tenant="shop"
    )
    assert hint.status is Status.REFUSED
    assert "(redacted)" in hint.text
    kept = str(store.log.entries()).casefold()
    assert "lydia" not in kept
    assert "kovacs" not in kept
