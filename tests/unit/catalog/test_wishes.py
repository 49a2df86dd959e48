"""What is read out of a shopper's sentence, and what comes of it."""

import math

import pytest
from retrieve_world import retriever, sessions

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Range
from re2llm.catalog.retrieve.wishes import NO_WISH, read_wish

BELOW_50 = Range(None, math.nextafter(50, 0))


@pytest.mark.parametrize(
    ("request_", "ranges"),
    [
        ("something under 50", {"price": BELOW_50}),
        ("less than $50 please", {"price": BELOW_50}),
        ("at most 20 euros", {"price": Range(None, 20)}),
        ("no more than 19.99", {"price": Range(None, 19.99)}),
        ("between 10 and 20", {"price": Range(10, 20)}),
        ("between $20 and $10", {"price": Range(10, 20)}),
        ("from 5 to 15 dollars", {"price": Range(5, 15)}),
        ("$20-$30", {"price": Range(20, 30)}),
        ("a backpack, 50-100 euros", {"price": Range(50, 100)}),
        ("at least 30 but under 50", {"price": Range(30, math.nextafter(50, 0))}),
        ("movies before 1990", {"year": Range(None, math.nextafter(1990, 0))}),
        ("released since 2005", {"year": Range(2005, None)}),
        ("between 1990 and 2000", {"year": Range(1990, 2000)}),
        ("under $2000", {"price": Range(None, math.nextafter(2000, 0))}),
        ("comedies of the 90s", {"year": Range(1990, 1999)}),
        ("the 1980s", {"year": Range(1980, 1989)}),
        ("for children under 12 years", {}),
        ("up to 4 players", {}),
        ("over 50% off", {}),
        ("halo 4", {}),
        ("under the sea", {}),
    ],
)
def test_bounds(request_, ranges):
    assert read_wish(request_).ranges == ranges


@pytest.mark.parametrize(
    ("request_", "without", "left"),
    [
        ("not Acme", (("acme",),), ()),
        ("chess but no racing games", (("racing",),), ("ches",)),
        ("a puzzle without farming or flight", (("farming",), ("flight",)), ("puzzle",)),
        ("nothing from Call of Duty, please", (("call", "duty"),), ()),
        ("I don't like chess. Flight", (("ches",),), ("flight",)),
        ("not over 50", (), ()),
        ("I am looking for something", (), ()),
    ],
)
def test_things_not_wanted(request_, without, left):
    wish = read_wish(request_)
    normal = tuple(tuple(word.replace("chess", "ches") for word in one) for one in wish.without)
    assert normal == without
    assert tuple(word.replace("chess", "ches") for word in wish.words) == left


@pytest.mark.parametrize("nothing", [None, "", "   "])
def test_no_request_is_no_wish(nothing):
    assert read_wish(nothing) == NO_WISH


@pytest.mark.parametrize(
    "odd", ["\x00\u202e", "under 99999999999999999999", "(((", "not", "no " * 900]
)
def test_odd_requests_are_survived(odd):
    found = retriever().retrieve(Query(session=("i1",), request=odd), 5)
    assert len(found) == 5


def test_a_bound_holds_in_retrieve_and_score():
    shop = retriever()
    query = Query(session=("i40",), request="racing between 10 and 30")
    found = shop.retrieve(query, 60)
    prices = [one.item.attributes["price"] for one in found]
    assert prices
    assert all(10 <= price <= 30 for price in prices)
    scored = shop.score(query, [f"i{n}" for n in range(60)])
    assert all(10 <= one.item.attributes["price"] <= 30 for one in scored)


def test_a_bound_on_what_the_catalogue_lacks_is_no_limit():
    shop = retriever()
    bare = shop.catalog
    stripped = type(bare)(type(item)(item_id=item.item_id, title=item.title) for item in bare)
    without = type(shop).in_memory(stripped, sessions(), shop.encoder)
    assert len(without.retrieve(Query(session=("i1",), request="under 7"), 10)) == 10


def test_what_is_not_wanted_does_not_appear():
    shop = retriever()
    found = shop.retrieve(Query(session=("i0",), request="no racing, not Acme"), 60)
    assert found
    for one in found:
        assert one.item.attributes["genres"] != ("racing",)
        assert one.item.attributes["brand"] != "Acme"


def test_words_reorder_what_the_session_says():
    shop = retriever()
    plain = shop.retrieve(Query(session=("i5",)), 10)
    asked = shop.retrieve(Query(session=("i5",), request="a chess one"), 10)
    chess = [one.item.attributes["genres"] == ("chess",) for one in asked]
    assert sum(chess[:5]) >= 4
    assert sum(one.item.attributes["genres"] == ("chess",) for one in plain) <= 2
    assert "fits the request" in asked[0].notes


def test_an_impossible_wish_has_no_answer():
    assert retriever().retrieve(Query(session=("i1",), request="over 5000 dollars"), 5) == []
