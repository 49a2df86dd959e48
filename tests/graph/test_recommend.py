"""What a caller gets for whatever it asks: a sensible slate of real items, or a clear error."""

import json

import pytest

from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.slate import Slate


def real(app: Re2LLM, slate: Slate) -> bool:
    """Say whether all items exist, once each."""
    ids = slate.item_ids
    return len(set(ids)) == len(ids) and all(item_id in app.parts.catalog for item_id in ids)


async def test_a_session_gets_k_real_items_it_has_not_seen(app: Re2LLM) -> None:
    session = app.parts.dataset.test[0]
    slate = await app.recommend(session.items)
    assert len(slate.items) == 5
    assert real(app, slate)
    assert not set(slate.item_ids) & set(session.items)
    assert slate.usage.calls == 1


async def test_given_candidates_are_ranked_and_nothing_else(app: Re2LLM) -> None:
    given = [item.item_id for item in app.parts.catalog.items[:7]]
    slate = await app.recommend([], candidates=given, k=50)
    assert sorted(slate.item_ids) == sorted(given)
    assert any("k is 50" in note for note in slate.notices)


async def test_filters_hold(app: Re2LLM) -> None:
    brand = next(str(i.attributes["brand"]) for i in app.parts.catalog if "brand" in i.attributes)
    slate = await app.recommend(
        app.parts.dataset.test[1].items, filters={"brand": brand, "price": {"max": 60}}
    )
    assert slate.items
    for item in slate.items:
        assert item.attributes["brand"] == brand
        assert float(item.attributes["price"]) <= 60  # type: ignore[arg-type]


async def test_a_price_said_in_words_is_a_limit(app: Re2LLM) -> None:
    slate = await app.recommend([], request="something under 20")
    assert slate.items
    assert all(float(item.attributes["price"]) <= 20 for item in slate.items)  # type: ignore[arg-type]


async def test_filters_that_nothing_meets_give_an_empty_slate_that_says_so(app: Re2LLM) -> None:
    slate = await app.recommend([], filters={"price": {"min": 1e9}})
    assert slate.items == ()
    assert any("no item meets" in note for note in slate.notices)


@pytest.mark.parametrize("session", [[], ["no such item"], ["\x00\u202e"]])
async def test_sessions_that_say_nothing_still_get_a_slate(app: Re2LLM, session: list[str]) -> None:
    slate = await app.recommend(session)
    assert len(slate.items) == 5
    assert real(app, slate)
    assert bool(slate.notices) == bool(session)


async def test_a_filter_by_what_no_item_has_is_told(app: Re2LLM) -> None:
    slate = await app.recommend([], filters={"colour_of_the_box": "red"})
    assert slate.items == ()
    assert any("'colour_of_the_box'" in note for note in slate.notices)


@pytest.mark.parametrize("session", ["B01", None, 5])
async def test_what_is_no_list_of_ids_is_refused(app: Re2LLM, session: object) -> None:
    with pytest.raises(UserError, match="a list of item ids"):
        await app.recommend(session)  # type: ignore[arg-type]


async def test_a_huge_session_counts_with_its_latest_items(app: Re2LLM) -> None:
    ids = [item.item_id for item in app.parts.catalog.items[:100]] * 100
    slate = await app.recommend(ids)
    assert len(slate.items) == 5
    assert any("10000 items" in note for note in slate.notices)


async def test_duplicate_candidates_are_ranked_once(app: Re2LLM) -> None:
    one, two = (item.item_id for item in app.parts.catalog.items[:2])
    slate = await app.recommend([], candidates=[one, two, one])
    assert sorted(slate.item_ids) == sorted([one, two])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"k": 0}, "k"),
        ({"filters": {"price": {}}}, "no bounds"),
        ({"filters": {"price": {"min": 9, "max": 1}}}, "above"),
        ({"hint": "h-nobody"}, "h-nobody"),
        ({"session": [17]}, "session"),
        ({"request": 5}, "request"),
    ],
)
async def test_malformed_requests_say_what_is_wrong(
    app: Re2LLM, asked: dict[str, object], says: str
) -> None:
    session = asked.pop("session", app.parts.dataset.test[0].items)
    with pytest.raises(UserError, match=says):
        await app.recommend(session, **asked)  # type: ignore[arg-type]


async def test_the_same_question_is_paid_once(app: Re2LLM) -> None:
    session = app.parts.dataset.test[2].items
    first, second = await app.recommend(session), await app.recommend(session)
    assert first.item_ids == second.item_ids
    assert (first.usage.calls, second.usage.calls) == (1, 0)
    assert second.usage.cache_hits == 1


async def test_state_is_plain_json_and_every_step_reports(app: Re2LLM) -> None:
    given = {"session": list(app.parts.dataset.test[0].items), "k": 3}
    steps = []
    async for kind, event in app.graph.astream(
        given,
        {"configurable": {"thread_id": "t"}},
        stream_mode=["custom", "values"],
    ):
        json.dumps({name: value for name, value in event.items() if name != "__interrupt__"})
        if kind == "custom":
            steps.append(event["step"])
    assert steps == ["retrieve_candidates", "select_hint", "rerank"]
