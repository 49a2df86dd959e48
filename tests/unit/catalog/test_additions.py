"""What comes after an index was built counts as if it had been there, and nothing else changes."""

import numpy as np
import pytest
from retrieve_world import encoder, sessions, shop

from re2llm.catalog.additions import Additions
from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.changes import Change, Visit, append_change, read_changes
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Item
from re2llm.catalog.retrieve.index import HybridRetriever
from re2llm.catalog.retrieve.weights import Weights
from re2llm.errors import UserError

NEW = Item(
    item_id="new",
    title="Racing Adventure Zebra",
    attributes={"brand": "Zylo", "genres": ("racing",), "price": 12.5, "weight": 3},
)


def base() -> HybridRetriever:
    catalog = shop()
    return HybridRetriever.in_memory(catalog, sessions(), encoder(catalog))


def changed(retriever: HybridRetriever, *changes: Change) -> HybridRetriever:
    additions = Additions()
    additions.apply(retriever.catalog, changes)
    return additions.over(retriever)


def ids(found: list[Candidate]) -> list[str]:
    return [one.item.item_id for one in found]


@pytest.mark.parametrize(
    "query",
    [
        Query(session=(), request="a zebra"),
        Query(session=("i5",), request="racing by Zylo under 13"),
        Query(session=(), filters=Filters.parse({"brand": "zylo"})),
        Query(session=(), filters=Filters.parse({"weight": {"min": 2}})),
        Query(session=(), filters=Filters.parse({"weight": 3, "genres": "racing"})),
    ],
)
def test_a_new_item_is_found_by_its_words_labels_and_numbers(query: Query) -> None:
    found = changed(base(), Change(items=(NEW,))).retrieve(query, 5)
    assert ids(found)[0] == "new"
    assert found[0].item == NEW


def test_a_new_item_is_like_what_it_is_like_and_leads_on() -> None:
    retriever = changed(base(), Change(items=(NEW,)))
    by_text = retriever.with_weights(Weights(by_source={"text": 1.0}))
    assert "new" in ids(by_text.retrieve(Query(session=("i5", "i15")), 13))
    follows = retriever.retrieve(Query(session=("new",), filters=Filters(exclude_seen=True)), 6)
    kinds = [one.item.attributes["genres"] for one in follows]
    assert kinds.count(("racing",)) >= 4
    assert "new" not in ids(follows)


def test_added_items_are_scored_as_if_built_in() -> None:
    grown = changed(base(), Change(items=(NEW,)))
    catalog = shop()
    catalog.put(NEW)
    rebuilt = HybridRetriever.in_memory(catalog, sessions(), grown.encoder)  # type: ignore[arg-type]
    query = Query(session=("i5", "i20"), request="a racing zebra")
    wanted = [item.item_id for item in catalog]
    apart = {one.item.item_id: one.evidence for one in grown.score(query, wanted)}
    built = {one.item.item_id: one.evidence for one in rebuilt.score(query, wanted)}
    for source in ("neighbours", "together", "popularity", "attributes"):
        for item_id in wanted:
            assert apart[item_id][source] == pytest.approx(built[item_id][source], abs=0.05)
    for source in ("text", "request"):  # rarity of words is that of the index
        both = [[side[one][source] for one in wanted] for side in (apart, built)]
        assert np.corrcoef(both)[0, 1] > 0.99


def test_a_changed_item_counts_as_it_is_now() -> None:
    retriever = base()
    dear = Item(item_id="i5", title="Golden Trowel", attributes={"price": 900.0})
    now = changed(retriever, Change(items=(dear,)))
    cheap = Query(session=(), filters=Filters.parse({"price": {"max": 100}}))
    assert "i5" not in ids(now.retrieve(cheap, 60))
    assert ids(now.retrieve(Query(session=(), filters=Filters.parse({"price": 900})), 5)) == ["i5"]
    racing = Query(session=(), filters=Filters.parse({"genres": "racing"}))
    assert "i5" not in ids(now.retrieve(racing, 60))
    assert ids(now.retrieve(Query(session=(), request="a golden trowel"), 3))[0] == "i5"
    # sessions still know it by what it was taken with
    evidence = {one.item.item_id: one.evidence for one in now.retrieve(Query(session=("i10",)), 60)}
    assert evidence["i5"]["neighbours"] > 0


def test_removed_and_sold_out_items_never_appear_and_come_back() -> None:
    retriever = base()
    gone = Change(
        remove=("i5",), items=(Item(item_id="i6", title="x", attributes={"available": 0}),)
    )
    now = changed(retriever, gone)
    for query in (
        Query(session=("i10", "i15")),
        Query(session=("i5",), request="racing adventure 5"),
        Query(session=(), filters=Filters.parse({"removed": 1})),
    ):
        assert not {"i5", "i6"} & set(ids(now.retrieve(query, 60)))
    back = changed(retriever, gone, Change(items=(shop()["i5"],)))
    assert "i5" in ids(back.retrieve(Query(session=("i10",)), 60))


def test_new_sessions_count_and_a_session_told_again_counts_once() -> None:
    retriever = base()
    pair = [
        Change(sessions=(Visit(session_id=f"v{n}", items=("i1", "i32", "x"), timestamp=9e9 + n),))
        for n in range(30)
    ]
    query = Query(session=("i1",), filters=Filters(exclude_seen=True))
    before = retriever.retrieve(query, 60)
    after = changed(retriever, *pair).retrieve(query, 60)
    assert "i32" not in ids(before)[:10]
    assert "i32" in ids(after)[:3]
    for source in ("neighbours", "together", "popularity"):
        was = next(one.evidence[source] for one in before if one.item.item_id == "i32")
        assert next(one.evidence[source] for one in after if one.item.item_id == "i32") > was
    again = changed(retriever, *pair, *pair).retrieve(query, 60)
    assert again == after


def test_sessions_of_new_items_join_them() -> None:
    visits = tuple(Visit(session_id=f"v{n}", items=("i2", "new"), timestamp=9e9) for n in range(20))
    now = changed(base(), Change(items=(NEW,), sessions=visits))
    assert ids(now.retrieve(Query(session=("i2",), filters=Filters(exclude_seen=True)), 3))[0] == (
        "new"
    )
    assert ids(now.retrieve(Query(session=("new",), filters=Filters(exclude_seen=True)), 3))[0] == (
        "i2"
    )


def test_what_a_session_names_and_nobody_knows_is_left_out() -> None:
    found = base().retrieve(Query(session=("nobody", "i5")), 5)
    assert found == base().retrieve(Query(session=("i5",)), 5)
    assert base().score(Query(session=("nobody",)), ["i1", "nobody"])[0].item.item_id == "i1"


def test_the_log_of_changes_is_read_as_written_and_torn_ends_are_cut(tmp_path) -> None:
    first = Change(items=(NEW,), remove=("i1",))
    second = Change(sessions=(Visit(session_id="v", items=("i1", "ä\u2028"), timestamp=1.5),))
    append_change(tmp_path, first)
    end = append_change(tmp_path, second)
    assert read_changes(tmp_path) == ([first, second], end)
    log = tmp_path / "changes.jsonl"
    whole = log.read_bytes()
    for cut in range(len(whole)):
        log.write_bytes(whole[:cut])
        assert read_changes(tmp_path)[0] == [first, second][: whole[:cut].count(b"\n")]
    log.write_bytes(whole[:-7])
    append_change(tmp_path, second)
    assert read_changes(tmp_path) == ([first, second], end)


def test_a_changed_line_within_the_log_is_named(tmp_path) -> None:
    append_change(tmp_path, Change(remove=("i1",)))
    append_change(tmp_path, Change(remove=("i2",)))
    log = tmp_path / "changes.jsonl"
    log.write_bytes(log.read_bytes().replace(b"i1", b"i9"))
    with pytest.raises(UserError, match="ingest the source again"):
        read_changes(tmp_path)
