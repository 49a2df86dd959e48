"""Promotion, retirement, time and crowding."""

import numpy as np
import pytest
from kb_helpers import WordEncoder, make

from re2llm.kb_store.hint import Evidence, Provenance, Status
from re2llm.kb_store.life import (
    LifeRules,
    crowded_out,
    next_status,
    share_bounds,
    sweep,
    worth,
)
from re2llm.kb_store.memory_store import MemoryHintStore

RULES = LifeRules()
DAY = 86400.0


def test_bounds_are_wilsons() -> None:
    low, high = share_bounds(8, 2, 0.975)
    assert (low, high) == pytest.approx((0.49016, 0.94331), abs=1e-4)
    assert share_bounds(0, 0, 0.95) == (0.0, 1.0)
    assert share_bounds(5, 0, 0.95)[1] == pytest.approx(1.0)


def test_bounds_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    wins = rng.binomial(40, 0.6, 4000)
    held = np.mean([share_bounds(int(w), 40 - int(w), 0.95)[0] <= 0.6 for w in wins])
    assert held > 0.93


@pytest.mark.parametrize(
    ("status", "helped", "hurt", "expected"),
    [
        (Status.SHADOW, 12, 1, Status.ACTIVE),
        (Status.SHADOW, 7, 6, None),
        (Status.SHADOW, 6, 0, None),
        (Status.SHADOW, 1, 12, Status.RETIRED),
        (Status.ACTIVE, 12, 1, None),
        (Status.ACTIVE, 1, 12, Status.RETIRED),
        (Status.ACTIVE, 6, 7, None),
        (Status.DISABLED, 30, 0, None),
        (Status.RETIRED, 30, 0, None),
        (Status.CANDIDATE, 30, 0, None),
        (Status.REFUSED, 30, 0, None),
    ],
)
def test_evidence_moves_only_what_is_alive(
    status: Status, helped: int, hurt: int, expected: Status | None
) -> None:
    hint = make("Prefer x.", status, helped=helped, hurt=hurt, shown=helped + hurt)
    move = next_status(hint, RULES)
    assert (move and move[0]) == expected


def test_what_nobody_was_shown_times_out() -> None:
    hint = make("Prefer x.")
    assert next_status(hint, RULES, unshown_for=179 * DAY) is None
    move = next_status(hint, RULES, unshown_for=181 * DAY)
    assert move == (Status.RETIRED, "not shown for 181 days")
    never = LifeRules(seconds_unshown=0)
    assert next_status(hint, never, unshown_for=9999 * DAY) is None


def test_worth_shrinks_towards_nothing() -> None:
    thin = make("Prefer x.", evidence=Evidence(gain=0.4, sessions=2))
    solid = make("Prefer y.", evidence=Evidence(gain=0.4, sessions=200))
    assert 0 < worth(thin, RULES)[0] < worth(solid, RULES)[0] < 0.4
    assert worth(thin, RULES)[1] > worth(solid, RULES)[1]
    hurt = make("Prefer y.", evidence=Evidence(gain=0.4, sessions=200), shown=900, hurt=900)
    assert worth(hurt, RULES)[0] < 0


def test_the_surely_useless_go_first_and_people_last() -> None:
    good = make("Prefer good.", evidence=Evidence(gain=0.3, sessions=40))
    dull = make("Prefer dull.", evidence=Evidence(gain=0.0, sessions=400))
    young = make("Prefer young.", provenance=Provenance(source="explore"))
    explored = [
        make(h.text, evidence=h.evidence, provenance=Provenance(source="explore"))
        for h in (good, dull, young)
    ]
    person = make("Prefer mine.", evidence=Evidence(gain=-0.2, sessions=400))
    hints = [*explored, person]
    gone = [crowded_out(hints, LifeRules(size=size)) for size in (4, 3, 2, 1)]
    assert gone[0] == []
    assert [hint.text for hint in gone[1]] == ["Prefer dull."]
    assert [hint.text for hint in gone[2]] == ["Prefer dull.", "Prefer young."]
    assert "Prefer mine." not in {hint.text for hint in gone[3]}
    assert crowded_out(hints, LifeRules(size=0)) == []


def test_sweep_moves_all_in_one_write_and_settles(encoder: WordEncoder) -> None:
    store = MemoryHintStore(encoder)
    now = 1000 * DAY
    fresh = Provenance(source="explore", created=now - DAY)
    hints = [
        make("Prefer a.", Status.SHADOW, helped=20, shown=20, provenance=fresh),
        make("Prefer b.", hurt=20, shown=20, provenance=fresh),
        make("Prefer c.", provenance=Provenance(source="explore", created=now - 400 * DAY)),
        make("Prefer d.", provenance=Provenance(source="explore", created=now - 400 * DAY)),
        make("Prefer e.", evidence=Evidence(gain=0.5, sessions=30), provenance=fresh),
        make("Prefer f.", evidence=Evidence(gain=0.0, sessions=90), provenance=fresh),
    ]
    store.put_all(hints, by="test", why="start")
    before = store.log.position()
    rules = LifeRules(size=3)
    shown = {hints[3].hint_id: now - DAY}
    moved = sweep(store, rules, now=now, last_noted=shown)
    active = {hint.text for hint in store.eligible().hints}
    assert active == {"Prefer a.", "Prefer d.", "Prefer e."}
    assert {hint.text for hint in moved} == {"Prefer a.", "Prefer b.", "Prefer c.", "Prefer f."}
    assert len({entry.at for entry in store.log.entries(after=before)}) == 1
    assert sweep(store, rules, now=now, last_noted=shown) == []


def test_the_log_knows_when_a_hint_was_last_shown_or_moved(encoder: WordEncoder) -> None:
    store = MemoryHintStore(encoder)
    hint_id = make("Prefer a.").hint_id

    def noted() -> float:
        return store.log.last_noted(tenant="default")[hint_id]

    store.put(make("Prefer a."), by="test", why="start")
    assert noted() == store.log.entries()[-1].at
    store.record(hint_id, shown=1)
    assert noted() == store.log.entries()[-1].at
    store.set_status(hint_id, Status.DISABLED, by="test", why="off")
    moved = store.log.entries()[-1].at
    store.support(hint_id, "somebody")
    assert noted() == moved
    assert store.log.last_noted(tenant="other") == {}


def test_what_a_person_switches_on_again_does_not_time_out_at_once(encoder: WordEncoder) -> None:
    store = MemoryHintStore(encoder)
    long_ago = Provenance(source="explore", created=DAY)
    old = make("Prefer a.", Status.RETIRED, provenance=long_ago)
    store.put(old, by="test", why="start")
    store.set_status(old.hint_id, Status.ACTIVE, by="ann", why="it is good after all")
    noted = store.log.last_noted(tenant="default")
    now = store.log.entries()[-1].at
    assert sweep(store, RULES, now=now + DAY, last_noted=noted) == []
    [gone] = sweep(store, RULES, now=now + 200 * DAY, last_noted=noted)
    assert gone.status is Status.RETIRED


@pytest.mark.parametrize(("sources", "source"), [(1, "feedback"), (2, "feedback"), (1, "explore")])
def test_what_one_stranger_led_to_is_not_activated_by_counts(
    encoder: WordEncoder, sources: int, source: str
) -> None:
    store = MemoryHintStore(encoder)
    promising = Provenance(source=source, created=DAY)
    hint = make("Prefer a.", Status.SHADOW, provenance=promising, helped=30, hurt=1, shown=31)
    store.put(hint, by="test", why="start")
    for number in range(sources):
        store.support(hint.hint_id, f"shopper {number}")
    moved = sweep(store, RULES, now=2 * DAY, last_noted={})
    expected = [] if source == "feedback" and sources < 2 else [Status.ACTIVE]
    assert [one.status for one in moved] == expected
