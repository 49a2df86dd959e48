"""What every hint store must do, over every hint store."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kb_helpers import WordEncoder, make

from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.entry import Action, Tally
from re2llm.kb_store.errors import UnknownHint
from re2llm.kb_store.hint import Evidence, Hint, Provenance, Status, hint_id
from re2llm.kb_store.history import rollback
from re2llm.kb_store.logged import LoggedHintStore
from re2llm.kb_store.memory_store import MemoryHintStore


@pytest.fixture(params=["memory", "embedded", "server", "postgres"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, encoder: WordEncoder
) -> Iterator[LoggedHintStore]:
    if request.param == "memory":
        made: LoggedHintStore = MemoryHintStore(encoder)
    elif request.param == "embedded":
        made = ChromaHintStore(tmp_path, encoder)
    else:
        url = request.getfixturevalue("chroma_url")
        record = request.getfixturevalue("database_url") if request.param == "postgres" else None
        made = ChromaHintStore(tmp_path, encoder, url=url, database=record)
    yield made
    made.close()


def test_put_then_get_returns_every_field(store: LoggedHintStore) -> None:
    hint = make(
        "Prefer recent items.",
        title="Recency — “now”",
        when="long sessions",
        evidence=Evidence(own_gain=0.3, gain=0.1, low=0.02, sessions=12),
        provenance=Provenance(source="explore", session_id="s1", model="m", prompt_version="3"),
        reason="admitted",
        shown=4,
        helped=2,
        hurt=1,
    )
    assert store.put(hint, by="test", why="first")
    assert store.get(hint.hint_id) == hint
    assert not store.put(replace(hint, title="Recency"), by="test", why="second")
    assert store.get(hint.hint_id) == replace(hint, title="Recency")


def test_put_of_the_same_hint_again_changes_and_logs_nothing(store: LoggedHintStore) -> None:
    hint = make("Prefer recent items.")
    store.put(hint, by="test", why="first")
    before = store.log.position()
    assert not store.put(hint, by="test", why="retry")
    assert store.log.position() == before


def test_put_refuses_an_id_that_does_not_belong_to_the_text(store: LoggedHintStore) -> None:
    other = make("Prefer cheap items.")
    with pytest.raises(ValueError, match="does not belong to its text"):
        store.put(replace(other, text="Prefer dear items."), by="test", why="forged")
    assert store.hints() == []


def test_put_refuses_what_could_not_be_read_back_and_keeps_nothing(store: LoggedHintStore) -> None:
    good = make("Prefer cheap items.")
    bad = make("Prefer dear items.", evidence=Evidence(gain=float("nan")))
    with pytest.raises(ValueError, match="JSON compliant"):
        store.put_all([good, bad], by="test", why="batch")
    assert store.hints() == []
    assert store.log.position() == 0


def test_put_all_counts_new_ids(store: LoggedHintStore) -> None:
    first, second = make("Prefer cheap items."), make("Prefer recent items.")
    assert store.put_all([first, second, first], by="test", why="batch") == 2
    assert store.put_all([replace(first, title="new"), second], by="test", why="batch") == 0
    assert [hint.hint_id for hint in store.hints()] == sorted([first.hint_id, second.hint_id])


def test_hints_filters_by_status(store: LoggedHintStore) -> None:
    wanted = make("Prefer cheap items.", Status.SHADOW)
    store.put_all([wanted, make("Prefer recent items.")], by="test", why="batch")
    assert store.hints(status=[Status.SHADOW, Status.REFUSED]) == [wanted]
    assert store.hints(status=[]) == []


def test_eligible_holds_active_hints_by_id_with_their_vectors(
    store: LoggedHintStore, encoder: WordEncoder
) -> None:
    texts = ["Prefer cheap items.", "Prefer recent items.", "Match the platform."]
    hints = [make(text) for text in texts]
    store.put_all([*hints, make("Match the brand.", Status.SHADOW)], by="test", why="batch")
    eligible = store.eligible()
    assert eligible.hints == tuple(sorted(hints, key=lambda hint: hint.hint_id))
    expected = encoder.encode([hint.text for hint in eligible.hints])
    np.testing.assert_allclose(eligible.vectors, expected, atol=1e-6)
    near = encoder.encode(["platform match"])[0]
    assert store.eligible(near=near, limit=1).hints == (make("Match the platform."),)
    assert len(store.eligible(limit=2).hints) == 2
    assert store.eligible(limit=0).hints == ()


def test_eligible_follows_every_change(store: LoggedHintStore, encoder: WordEncoder) -> None:
    first, second = make("Prefer cheap items."), make("Prefer recent items.")
    store.put_all([first, second], by="test", why="batch")
    store.eligible()
    store.set_status(first.hint_id, Status.DISABLED, by="test", why="off")
    assert [hint.hint_id for hint in store.eligible().hints] == [second.hint_id]
    store.record(second.hint_id, shown=2, helped=1)
    assert store.eligible().hints[0].shown == 2
    store.set_status(first.hint_id, Status.ACTIVE, by="test", why="on")
    eligible = store.eligible()
    expected = encoder.encode([hint.text for hint in eligible.hints])
    np.testing.assert_allclose(eligible.vectors, expected, atol=1e-6)
    assert len(eligible.hints) == 2


def test_an_answer_given_out_does_not_change_afterwards(store: LoggedHintStore) -> None:
    hint = make("Prefer cheap items.")
    store.put(hint, by="test", why="first")
    eligible = store.eligible()
    copy = eligible.vectors.copy()
    store.put(make("Prefer recent items."), by="test", why="second")
    store.set_status(hint.hint_id, Status.RETIRED, by="test", why="gone")
    store.eligible()
    assert eligible.hints == (hint,)
    np.testing.assert_array_equal(eligible.vectors, copy)


def test_nearest_is_cosine_over_the_asked_statuses(
    store: LoggedHintStore, encoder: WordEncoder
) -> None:
    texts = ["prefer cheap items", "prefer cheap recent items", "match the platform"]
    statuses = [Status.ACTIVE, Status.REFUSED, Status.SHADOW]
    hints = [make(text, status) for text, status in zip(texts, statuses, strict=True)]
    store.put_all(hints, by="test", why="batch")
    found = store.nearest("prefer cheap items", 3)
    scores = encoder.encode(texts) @ encoder.encode(["prefer cheap items"])[0]
    assert [hint for hint, _ in found] == [hints[row] for row in np.argsort(-scores)]
    assert [score for _, score in found] == pytest.approx(sorted(scores, reverse=True), abs=1e-5)
    only = store.nearest("prefer cheap items", 3, status=[Status.REFUSED, Status.SHADOW])
    assert [hint for hint, _ in only] == [hints[1], hints[2]]
    assert [h for h, _ in store.nearest("x", 3, status=[Status.ACTIVE])] == [hints[0]]
    assert store.nearest("prefer", 0) == []
    assert store.nearest("prefer", 3, status=[]) == []


def test_no_call_crosses_a_tenant(store: LoggedHintStore) -> None:
    mine = make("Prefer cheap items.", tenant="mine")
    store.put(mine, by="test", why="first")
    assert store.get(mine.hint_id) is None
    assert store.get(mine.hint_id, tenant="mine") == mine
    assert store.hints(tenant="other") == []
    assert store.eligible(tenant="other").hints == ()
    assert store.nearest(mine.text, 5, tenant="other") == []
    assert store.tenants() == ["mine"]
    for call in (
        lambda: store.set_status(mine.hint_id, Status.RETIRED, by="x", why="x", tenant="other"),
        lambda: store.record(mine.hint_id, shown=1, tenant="other"),
        lambda: store.support(mine.hint_id, "s", tenant="other"),
    ):
        with pytest.raises(UnknownHint, match=r"'other' has no hint"):
            call()
    assert store.get(mine.hint_id, tenant="mine") == mine
    same_words = make(mine.text, tenant="other")
    store.put(same_words, by="test", why="second")
    assert same_words.hint_id != mine.hint_id
    assert store.hints(tenant="mine") == [mine]


def test_set_status_returns_and_logs_the_hint(store: LoggedHintStore) -> None:
    hint = make("Prefer cheap items.", Status.CANDIDATE)
    store.put(hint, by="test", why="first")
    moved = store.set_status(hint.hint_id, Status.ACTIVE, by="ann", why="looks good")
    assert moved == replace(hint, status=Status.ACTIVE, reason="looks good")
    assert store.get(hint.hint_id) == moved
    last = store.log.entries()[-1]
    assert (last.action, last.by, last.why) == (Action.STATUS, "ann", "looks good")
    assert last.hint == moved


def test_record_adds_and_put_keeps_the_counts(store: LoggedHintStore) -> None:
    hint = make("Prefer cheap items.", shown=1)
    store.put(hint, by="test", why="first")
    store.record(hint.hint_id, shown=2, helped=1)
    store.record(hint.hint_id, shown=1, hurt=1)
    store.put(replace(hint, title="new", shown=0), by="test", why="edited from a stale copy")
    found = store.get(hint.hint_id)
    assert found is not None
    assert (found.shown, found.helped, found.hurt, found.title) == (4, 1, 1, "new")
    with pytest.raises(ValueError, match="only grow"):
        store.record(hint.hint_id, shown=-1)


def test_record_notes_the_kind_of_session(store: LoggedHintStore) -> None:
    hint = make("Prefer cheap items.")
    store.put(hint, by="test", why="first")
    store.record(hint.hint_id, shown=2, helped=1, kind="short")
    store.record(hint.hint_id, shown=1, kind="short")
    store.record(hint.hint_id, shown=1, hurt=1, kind="long")
    assert store.log.by_kind(hint.hint_id, tenant="default") == {
        "short": Tally(shown=3, helped=1),
        "long": Tally(shown=1, hurt=1),
    }
    assert store.log.by_kind(hint.hint_id, tenant="other") == {}


def test_an_occasion_is_recorded_once_per_hint(store: LoggedHintStore) -> None:
    hint, other = make("Prefer recent items."), make("Prefer the session's brand.")
    store.put_all([hint, other], by="test", why="first")
    for _ in range(3):
        store.record(hint.hint_id, shown=1, once="slate 1")
        store.record(hint.hint_id, helped=1, once="slate 1, judged")
    store.record(hint.hint_id, shown=1, once="slate 2")
    store.record(other.hint_id, shown=1, once="slate 1")
    held = store.get(hint.hint_id)
    assert held is not None
    assert (held.shown, held.helped, held.hurt) == (2, 1, 0)
    assert store.log.by_kind(hint.hint_id, tenant="default") == {"": Tally(shown=2, helped=1)}
    again = store.get(other.hint_id)
    assert again is not None
    assert again.shown == 1


def test_support_counts_distinct_sources_and_hides_them(store: LoggedHintStore) -> None:
    hint = make("Prefer cheap items.", Status.SHADOW)
    store.put(hint, by="test", why="first")
    assert store.supporters(hint.hint_id) == 0
    assert store.support(hint.hint_id, "ann@example.org") == 1
    assert store.support(hint.hint_id, "ann@example.org") == 1
    assert store.support(hint.hint_id, "bob") == 2
    assert store.supporters(hint.hint_id) == 2
    assert store.supporters(hint.hint_id, tenant="other") == 0
    assert all("ann" not in entry.source for entry in store.log.entries())


@pytest.mark.parametrize("text", ["ключ: товары", "x" * 5000, "nul \0 byte", "line\nbreak", "  "])
def test_any_valid_text_survives(store: LoggedHintStore, text: str) -> None:
    hint = make(text)
    store.put(hint, by="test", why="odd")
    assert store.get(hint.hint_id) == hint
    assert hint in [found for found, _ in store.nearest("товары", 3)]
    assert store.log.state()["default", hint.hint_id].hint == hint


def test_ids_ignore_case_and_spacing() -> None:
    assert hint_id("Prefer  cheap items!") == hint_id("prefer cheap ITEMS")


def test_a_point_within_a_write_means_its_end(store: LoggedHintStore) -> None:
    store.put(make("Prefer cheap items."), by="test", why="one")
    first = store.log.position()
    store.put_all([make(f"Prefer kind {n}.") for n in range(3)], by="test", why="three")
    last = store.log.position()
    store.put(make("Prefer dear items."), by="test", why="one more")
    assert [store.log.whole(at) for at in (first, first + 1, last - 1, last)] == [
        first,
        *[last] * 3,
    ]
    rollback(store, last - 1, by="test")
    assert len(store.eligible().hints) == 4


def test_threads_lose_nothing(store: LoggedHintStore) -> None:
    shared = make("Prefer cheap items.")
    store.put(shared, by="test", why="first")

    def work(worker: int) -> None:
        for step in range(5):
            text = f"Prefer number {worker} in step {step}."
            store.put(make(text), by="test", why="thread")
            assert store.get(hint_id(text)) is not None
            assert text in {hint.text for hint in store.eligible().hints}
            store.record(shared.hint_id, shown=1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    eligible = store.eligible()
    assert len(eligible.hints) == len(eligible.vectors) == 21
    found: Hint | None = store.get(shared.hint_id)
    assert found is not None
    assert found.shown == 20
    assert store.log.state()["default", shared.hint_id].hint == found
