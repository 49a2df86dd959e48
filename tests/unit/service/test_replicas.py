"""Two replicas over one Postgres and one Chroma server, as processes that are killed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from town_site import (
    SOUTH,
    answered,
    begin,
    learnt,
    messages,
    missed,
    say,
    start,
    town,
    until,
)

from re2llm.catalog.hashing import HashingEncoder
from re2llm.evals.site import Replica, Site
from re2llm.kb_store.chroma_store import ChromaHintStore


@pytest.fixture
async def site(shop: Path, tmp_path: Path) -> AsyncIterator[Site]:
    async with town(shop, tmp_path) as opened:
        yield opened


async def test_any_replica_goes_on_where_another_was(site: Site) -> None:
    one, two = await asyncio.gather(start(site), start(site))
    await what_one_knows_the_other_knows(site, one, two)
    slates = [await missed(one.client, site.shop, number) for number in range(1, 4)]
    sessions = [await begin(one.client) for _ in range(6)]
    wishes = {session_id: f"something under {20 + n}" for n, session_id in enumerate(sessions)}

    # Killed with feedback that it accepted, and in the middle of turns.
    asked = [
        one.client.post(f"/v1/slates/{slate_id}/feedback", json={"chosen": hidden})
        for slate_id, hidden in slates
    ]
    asked += [say(one.client, each, wish, key=each) for each, wish in wishes.items()]
    asking = [asyncio.create_task(each) for each in asked]

    async def accepted() -> bool:
        paths = [f"/v1/slates/{slate_id}" for slate_id, _ in slates]
        told = [(await two.client.get(path)).json()["state"] for path in paths]
        return "waiting" not in told

    await until(accepted)
    await one.kill()
    await asyncio.gather(*asking, return_exceptions=True)

    # The feedback is taken up; who repeats a turn under its key is answered, once.
    for session_id, wish in wishes.items():
        answer = await answered(two.client, session_id, wish)
        said = await messages(two.client, session_id)
        assert [role for role, _ in said] == ["user", "assistant"]
        assert said[1][1] == answer["text"]
    for slate_id, _ in slates:
        assert (await learnt(two.client, slate_id))["error"]

    # A rolling restart: what the old one has begun it ends, and the new one goes on.
    last = [asyncio.create_task(say(two.client, each, "show me others")) for each in sessions]
    await asyncio.sleep(0.2)
    three, ended = await asyncio.gather(start(site), two.drain())
    assert ended == 0
    for session_id, answer in zip(sessions, await asyncio.gather(*last), strict=True):
        assert answer.status_code == 200, answer.text
        said = await messages(three.client, session_id)
        assert [role for role, _ in said] == ["user", "assistant"] * 2
        assert said[-1][1] == answer.json()["text"]


async def what_one_knows_the_other_knows(site: Site, one: Replica, two: Replica) -> None:
    """Try it with a conversation, a session, feedback, a repeated request, and two tenants."""
    session_id = await begin(one.client)
    assert (await say(one.client, session_id, "something under 20 please")).status_code == 200
    more = (await say(two.client, session_id, "show me others")).json()
    assert more["cards"]
    assert all(card["attributes"].get("price", 0) <= 20 for card in more["cards"]), more
    events = {"events": [{"kind": "view", "item_id": more["cards"][0]["item_id"]}]}
    await one.client.post(f"/v1/sessions/{session_id}/events", json=events)
    read = (await two.client.get(f"/v1/sessions/{session_id}")).json()
    assert read["items"] == [more["cards"][0]["item_id"]]

    slate_id, hidden = await missed(one.client, site.shop, 0)
    path = f"/v1/slates/{slate_id}/feedback"
    answers = await asyncio.gather(
        *(each.client.post(path, json={"chosen": hidden}) for each in (one, two, one, two))
    )
    assert {answer.status_code for answer in answers} <= {200, 202}
    told = [await learnt(each.client, slate_id) for each in (one, two)]
    assert told[0] == told[1]
    assert told[0]["error"]
    hints = [(await each.client.get("/v1/hints")).json() for each in (one, two)]
    assert hints[0]
    assert hints[0] == hints[1]

    again = {"Idempotency-Key": "once"}
    first = await one.client.post("/v1/recommendations", json={"k": 3}, headers=again)
    second = await two.client.post("/v1/recommendations", json={"k": 3}, headers=again)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"

    for each in (one, two):
        for path in (f"/v1/sessions/{session_id}", f"/v1/sessions/{session_id}/chat"):
            assert (await each.client.get(path, headers=SOUTH)).status_code == 404
        assert (await each.client.get(f"/v1/slates/{slate_id}", headers=SOUTH)).status_code == 404
        assert (await each.client.get("/v1/hints", headers=SOUTH)).json() == []


async def test_what_is_away_is_told_and_the_rest_goes_on(site: Site) -> None:
    assert site.chroma is not None
    site.chroma.kill()
    one = await start(site)
    await without_chroma_hints_wait_for_the_index(site, one)
    slate_id, hidden = await missed(one.client, site.shop, 0)
    await without_postgres_all_that_needs_it_says_so(site, one, slate_id, hidden)
    # It comes back, and nobody has to restart anything.
    path = f"/v1/slates/{slate_id}/feedback"
    answer = await one.client.post(path, json={"chosen": hidden})
    assert answer.status_code in (200, 202), answer.text
    assert (await learnt(one.client, slate_id))["error"]


async def without_chroma_hints_wait_for_the_index(site: Site, one: Replica) -> None:
    """Serve and add hints, start Chroma, and find them there."""
    assert site.chroma is not None
    text = "Prefer items of the same maker as the last one."
    added = await one.client.post("/v1/hints", json={"text": text})
    assert added.status_code == 201, added.text
    assert (await one.client.post("/v1/recommendations", json={"k": 3})).status_code == 200
    ready = await one.client.get("/readyz")
    assert (ready.status_code, ready.json()["index"]) == (200, False)
    await asyncio.to_thread(site.chroma.start)

    async def mended() -> bool:
        return bool((await one.client.get("/readyz")).json()["index"])

    await until(mended)
    store = ChromaHintStore(
        site.shop.with_name("reader"),
        HashingEncoder(),
        url=site.chroma.url,
        database=site.settings["RE2LLM_DATABASE_URL"],
    )
    with store:
        assert store.repaired == 0
        assert set(store._chroma.revisions()) == {added.json()["hint_id"]}


async def without_postgres_all_that_needs_it_says_so(
    site: Site, one: Replica, slate_id: str, hidden: str
) -> None:
    """Crash Postgres, try every kind of route soon after, and start it again."""
    assert site.database is not None
    await asyncio.to_thread(site.database.stop, "immediate")
    assert (await one.client.get("/healthz")).status_code == 200
    assert (await one.client.get("/")).status_code == 200
    ready = await one.client.get("/readyz")
    assert ready.status_code == 503
    assert (ready.json()["records"], ready.json()["hints"]) == (False, False)
    refusing: list[tuple[str, dict[str, object]]] = [
        ("/v1/recommendations", {"k": 3}),
        ("/v1/sessions", {}),
        (f"/v1/slates/{slate_id}/feedback", {"chosen": hidden}),
        ("/v1/hints", {"text": "Prefer items that are cheap."}),
    ]
    for path, body in refusing:
        for headers in ({}, {"Idempotency-Key": path}):
            refused = await one.client.post(path, json=body, headers=headers)
            assert refused.status_code == 503, (path, refused.text)
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["retry-after"]
            assert "records" in refused.json()["detail"]
            assert refused.elapsed.total_seconds() < 5
    documents = {"query": "cheap and new", "documents": ["a dear old thing", "a cheap new thing"]}
    assert (await one.client.post("/v1/rerank", json=documents)).status_code == 200
    await asyncio.to_thread(site.database.start)

    async def back() -> bool:
        return (await one.client.get("/readyz")).status_code == 200

    await until(back)
