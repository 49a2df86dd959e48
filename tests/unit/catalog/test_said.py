"""Requests in shoppers' words find what the shop has in its own."""

import pytest

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.lexical import LexicalEncoder, words
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.said import goods, in_shops_words
from re2llm.catalog.sessions import SessionLog

FILMS = (
    ("Lantern and Lark", ("Comedy", "Romance")),
    ("The Baker's Holiday", ("Comedy",)),
    ("Two Umbrellas", ("Romance", "Drama")),
    ("A Movie in May", ("Drama",)),
    ("Steel Night", ("Action",)),
    ("Action in the Attic", ("Action", "Children")),
    ("Harbour", ("Action",)),
)


@pytest.fixture(scope="module")
def retriever() -> HybridRetriever:
    catalog = Catalog(
        [
            Item(item_id=f"f{n}", title=title, attributes={"genres": kinds, "director": "N. N."})
            for n, (title, kinds) in enumerate(FILMS)
        ]
    )
    encoder = LexicalEncoder.fit([title for title, _ in FILMS])
    log = SessionLog.from_sequences([(6, 4), (6, 3), (6, 0)])
    return HybridRetriever.in_memory(catalog, log, encoder)


def titles(retriever: HybridRetriever, request: str, **filters: object) -> list[str]:
    query = Query(session=(), request=request, filters=Filters.parse(filters))
    return [found.item.title for found in retriever.retrieve(query, 10)]


def test_kinds_are_known_by_other_names_and_in_the_plural(retriever: HybridRetriever) -> None:
    assert titles(retriever, "romantic comedies")[0] == "Lantern and Lark"
    assert titles(retriever, "a comedy")[:2] == titles(retriever, "comedies")[:2]


def test_what_is_ruled_out_in_other_words_is_ruled_out(retriever: HybridRetriever) -> None:
    assert set(titles(retriever, "no comedies")) == {
        t for t, kinds in FILMS if "Comedy" not in kinds
    }
    assert "Two Umbrellas" not in titles(retriever, "nothing romantic")


def test_a_word_for_all_that_is_sold_is_no_word_of_a_title(retriever: HybridRetriever) -> None:
    assert titles(retriever, "a movie") == titles(retriever, "")
    assert titles(retriever, "a drama film")[0] == titles(retriever, "a drama")[0]


def test_what_all_have_by_a_filter_ranks_none_of_them(retriever: HybridRetriever) -> None:
    assert titles(retriever, "action", genres="Action") == titles(retriever, "", genres="Action")
    assert titles(retriever, "action", genres="Action")[0] == "Harbour"
    assert titles(retriever, "attic action", genres="Action")[0] == "Action in the Attic"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("romantic comedies", "romance comedy"),
        ("science fiction", "sci fi"),
        ("science museum", "science museum"),
        ("movies", "movie"),
        ("animated zombies", "animated zombie"),
    ],
)
def test_words_become_the_shops(said: str, meant: str) -> None:
    known = {"comedy", "movie", "zombie"}
    found = in_shops_words(
        words(said), is_kind={"Romance", "Sci-Fi"}.__contains__, known=known.__contains__
    )
    assert found == words(meant)


def test_goods_are_told_by_what_most_items_have() -> None:
    shares = {"director": 0.9, "platform": 0.2}
    share = lambda name: shares.get(name, 0.0)  # noqa: E731
    assert goods(share, ["director", "genres"]) == {"movie", "film"}
    assert goods(share, ["category", "brand"]) == {"movie", "film"}
    assert {"movie", "game", "book"} <= goods(lambda _: 0.0, ["brand"])
    assert goods(lambda _: 0.0, ["category"]) == frozenset()
