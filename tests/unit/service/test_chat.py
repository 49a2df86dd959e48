"""What a conversation does beside talking: feedback, restarts, streams, tenants."""

import json
from pathlib import Path

import httpx
from service_client import KEYS, opened
from shop_settings import settings_for

from re2llm.graph.app import Re2LLM


async def begin(client: httpx.AsyncClient, **headers: str) -> str:
    return str((await client.post("/v1/sessions", headers=headers)).json()["session_id"])


async def say(client: httpx.AsyncClient, session_id: str, message: str) -> dict:  # type: ignore[type-arg]
    answer = await client.post(f"/v1/sessions/{session_id}/chat", json={"message": message})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_what_is_taken_after_a_no_is_feedback_on_what_was_turned_down(
    client: httpx.AsyncClient,
) -> None:
    session_id = await begin(client)
    missed = await say(client, session_id, "blender")
    meant = await say(client, session_id, "no, I meant a kettle")
    assert {card["attributes"]["category"][-1] for card in meant["cards"]} == {"Kettle"}
    taken = meant["cards"][0]["item_id"]
    assert (await say(client, session_id, "I'll take the first one"))["act"] == "take"
    for slate_id, error in ((missed["slate_id"], True), (meant["slate_id"], False)):
        told = (await client.get(f"/v1/slates/{slate_id}", params={"wait": 20})).json()
        assert told["chosen"] == taken
        assert told["error"] is error, told
    events = (await client.get(f"/v1/sessions/{session_id}")).json()["events"]
    assert [(event["kind"], event["item_id"]) for event in events] == [("cart", taken)]


async def test_that_brand_is_the_brand_of_the_card_that_was_named_last(
    client: httpx.AsyncClient,
) -> None:
    session_id = await begin(client)
    shown = (await say(client, session_id, "tripod"))["cards"]
    brands = [card["attributes"]["brand"] for card in shown]
    place = brands.index(min(brands, key=brands.count)) + 1
    meant = shown[place - 1]
    cheaper = await say(client, session_id, f"cheaper than number {place}")
    assert all(
        card["attributes"]["price"] < meant["attributes"]["price"] for card in cheaper["cards"]
    )
    told = await say(client, session_id, "not that brand")
    assert f"not {meant['attributes']['brand']}" in told["remembered"]
    assert brands[place - 1] not in [card["attributes"]["brand"] for card in told["cards"]]


async def test_of_two_kinds_the_first_cards_show_both_and_the_cheapest_come_by_price(
    client: httpx.AsyncClient,
) -> None:
    two = await say(client, await begin(client), "kettle or tripod")
    assert len({card["attributes"]["category"][-1] for card in two["cards"][:2]}) == 2
    cheapest = await say(client, await begin(client), "the cheapest tripods")
    prices = [card["attributes"]["price"] for card in cheapest["cards"]]
    assert len(prices) > 1
    assert prices == sorted(prices)


async def test_a_conversation_goes_on_after_a_restart(shop: Path) -> None:
    async with await Re2LLM.open(settings_for(shop)) as app, opened(app) as client:
        session_id = await begin(client)
        before = await say(client, session_id, "a lens filter under 40")
    async with await Re2LLM.open(settings_for(shop)) as app, opened(app) as client:
        kept = (await client.get(f"/v1/sessions/{session_id}/chat")).json()
        assert kept["cards"] == before["cards"]
        assert kept["remembered"] == before["remembered"]
        assert (await say(client, session_id, "how much is the first one?"))["act"] == "explain"


async def test_a_streamed_turn_tells_steps_then_cards_then_text(client: httpx.AsyncClient) -> None:
    session_id = await begin(client)
    told: list[tuple[str, dict[str, object]]] = []
    async with client.stream(
        "POST",
        f"/v1/sessions/{session_id}/chat",
        json={"message": "tripod"},
        headers={"Accept": "text/event-stream"},
    ) as answer:
        name = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                told.append((name, json.loads(line[6:])))
    assert [name for name, _ in told] == [*["progress"] * 3, "cards", "text", "end"]
    assert [one["step"] for _, one in told[:3]] == ["understand", "recommend", "write"]
    history = (await client.get(f"/v1/sessions/{session_id}/chat")).json()
    assert history["messages"][-1]["text"] == told[-2][1]["text"]


async def test_a_session_id_opens_no_other_tenants_conversation(app: Re2LLM) -> None:
    async with opened(app, api_keys=KEYS) as client:
        north = {"Authorization": "Bearer north-key-0123456789"}
        south = {"Authorization": "Bearer south-key-0123456789"}
        session_id = await begin(client, **north)
        path = f"/v1/sessions/{session_id}/chat"
        assert (await client.post(path, json={"message": "hi"}, headers=north)).status_code == 200
        assert (await client.get(path, headers=south)).status_code == 404
        answer = await client.post(path, json={"message": "what did I ask?"}, headers=south)
        assert answer.status_code == 404


async def test_what_is_withdrawn_is_not_shown_in_a_chat(client: httpx.AsyncClient) -> None:
    first = (await say(client, await begin(client), "tripod"))["cards"][0]["item_id"]
    await client.put(f"/v1/withdrawn/{first}")
    again = await say(client, await begin(client), "tripod")
    assert first not in [card["item_id"] for card in again["cards"]]
