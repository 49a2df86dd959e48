"""What retrieval must answer, whatever it is asked."""

import numpy as np
import pytest
from retrieve_world import retriever, sessions

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve.index import HybridRetriever
from re2llm.catalog.retrieve.weights import SOURCES
from re2llm.catalog.sessions import SessionLog


@pytest.fixture(scope="module")
def shop_retriever() -> HybridRetriever:
    return retriever()


def _numbers(found) -> list[int]:
    return [int(one.item.item_id[1:]) for one in found]


def test_stays_with_the_sessions_kind(shop_retriever):
    found = shop_retriever.retrieve(Query(session=("i5", "i15")), 8)
    assert sum(number % 5 == 0 for number in _numbers(found)) >= 6


def test_score_says_the_same_as_retrieve(shop_retriever):
    query = Query(session=("i5", "i15"), request="cheap chess under 40")
    found = shop_retriever.retrieve(query, 12)
    scored = shop_retriever.score(query, [one.item.item_id for one in reversed(found)])
    assert [one.item.item_id for one in scored] == [one.item.item_id for one in found]
    assert [one.score for one in scored] == pytest.approx([one.score for one in found])
    assert [one.notes for one in scored] == [one.notes for one in found]


def test_evidence_is_standard_within_an_answer(shop_retriever):
    found = shop_retriever.retrieve(Query(session=("i7",)), 20)
    for source in SOURCES:
        column = np.array([one.evidence[source] for one in found])
        assert column.mean() == pytest.approx(0, abs=1e-9)
        assert column.std() == pytest.approx(1) or not column.any()


def test_the_same_question_gets_the_same_answer(shop_retriever):
    query = Query(session=("i1", "i2", "i1"), request="puzzle not Acme")
    assert shop_retriever.retrieve(query, 10) == retriever().retrieve(query, 10)


@pytest.mark.parametrize(
    "filters",
    [
        {"brand": "acme"},
        {"brand": ["Acme", "Cobalt"], "price": {"max": 30}},
        {"genres": "racing", "year": {"min": 1990, "max": 2000}},
        {"year": 1985},
        {"exclude_ids": ["i0", "i1", "i2"]},
        {"colour": "red"},
        {"weight": {"min": 1}},
        {"available": 1},
        {"brand": "acme", "price": {"min": 1000}},
    ],
)
def test_filters_hold_exactly(shop_retriever, filters):
    read = Filters.parse(filters)
    query = Query(session=("i5",), filters=read)
    catalog = shop_retriever.catalog
    allowed = {item.item_id for item in catalog if read.allows(item)}
    scored = shop_retriever.score(query, [item.item_id for item in catalog])
    assert {one.item.item_id for one in scored} == allowed
    stocked = {one for one in allowed if catalog[one].attributes["available"] != 0}
    found = shop_retriever.retrieve(query, len(catalog))
    assert {one.item.item_id for one in found} == stocked


def test_out_of_stock_and_seen_items_do_not_appear(shop_retriever):
    query = Query(session=("i5", "i10"), filters=Filters(exclude_seen=True))
    numbers = _numbers(shop_retriever.retrieve(query, 60))
    assert not {5, 10} & set(numbers)
    assert all(number % 10 != 9 for number in numbers)
    assert len(numbers) == 52


def test_nothing_known_yields_what_is_popular(shop_retriever):
    found = shop_retriever.retrieve(Query(session=()), 5)
    evidence = [one.evidence["popularity"] for one in found]
    assert len(found) == 5
    assert evidence == sorted(evidence, reverse=True)
    popular = shop_retriever.log.popularity.order
    stocked = [p for p in popular.tolist() if p % 10 != 9]
    assert set(_numbers(found)) == set(stocked[:5])


def test_words_alone_find_items(shop_retriever):
    found = shop_retriever.retrieve(Query(session=(), request="some chess please"), 8)
    assert all(one.item.attributes["genres"] == ("chess",) for one in found)


def test_before_any_session_items_are_found_by_text(shop_retriever):
    silent = shop_retriever.over(SessionLog.from_sequences([]))
    found = silent.retrieve(Query(session=("i10",), filters=Filters(exclude_seen=True)), 5)
    assert sum(number % 5 == 0 for number in _numbers(found)) >= 4


def test_an_empty_catalogue_and_log_are_answers():
    nothing = SessionLog.from_sequences([])
    none = Catalog([])
    assert (
        HybridRetriever.in_memory(none, nothing, LexicalEncoder.fit([], dim=96)).retrieve(
            Query(session=(), request="anything"), 5
        )
        == []
    )
    silent = retriever().over(nothing)
    assert len(silent.retrieve(Query(session=("i1",)), 7)) == 7
    assert silent.score(Query(session=("i1",)), []) == []
    assert silent.retrieve(Query(session=("i1",)), 0) == []


def test_other_sessions_other_evidence_same_items(shop_retriever):
    other = shop_retriever.over(sessions(seed=5))
    assert other.items is shop_retriever.items
    query = Query(session=("i3",))
    assert other.retrieve(query, 10) != shop_retriever.retrieve(query, 10)


def test_notes_are_short_and_few(shop_retriever):
    found = shop_retriever.retrieve(Query(session=("i5", "i20")), 10)
    assert any("same" in note for one in found for note in one.notes)
    assert all(len(one.notes) <= 4 and all(len(note) <= 60 for note in one.notes) for one in found)
