"""Slates over HTTP, and what becomes of their feedback."""

import json

import httpx
from service_client import opened

from re2llm.graph.app import Re2LLM
from re2llm.service.front import RECORDS
from re2llm.service.records import open_records
from re2llm.service.slates import Given, Slates


async def begin(client: httpx.AsyncClient) -> str:
    answer = await client.post("/v1/sessions")
    assert answer.status_code == 201
    return str(answer.json()["session_id"])


async def test_a_session_becomes_a_slate(client: httpx.AsyncClient, app: Re2LLM) -> None:
    session_id = await begin(client)
    seen = app.parts.dataset.test[0].items[:2]
    events = [{"kind": "view", "item_id": item_id} for item_id in seen]
    noted = await client.post(f"/v1/sessions/{session_id}/events", json={"events": events})
    assert noted.json()["items"] == list(seen)
    slate = (await client.post("/v1/recommendations", json={"session_id": session_id})).json()
    direct = await app.recommend(seen)
    assert [card["item_id"] for card in slate["items"]] == list(direct.item_ids)
    for card in slate["items"]:
        item = app.parts.catalog[card["item_id"]]
        assert card["title"] == item.title
        assert card["attributes"] == json.loads(json.dumps(dict(item.attributes)))
    shown = (await client.get(f"/v1/sessions/{session_id}/slates")).json()
    assert [one["slate_id"] for one in shown] == [slate["slate_id"]]
    assert shown[0]["state"] == "waiting"


async def test_what_was_skipped_is_not_shown_again(client: httpx.AsyncClient) -> None:
    session_id = await begin(client)
    first = (await client.post("/v1/recommendations", json={"session_id": session_id})).json()
    skipped = first["items"][0]["item_id"]
    event = {"kind": "skip", "item_id": skipped, "slate_id": first["slate_id"]}
    await client.post(f"/v1/sessions/{session_id}/events", json={"events": [event]})
    again = (await client.post("/v1/recommendations", json={"session_id": session_id})).json()
    assert skipped not in [card["item_id"] for card in again["items"]]


async def test_the_stream_tells_progress_then_cards_then_reasons(
    client: httpx.AsyncClient, app: Re2LLM
) -> None:
    body = {"session": list(app.parts.dataset.test[0].items)}
    told: list[tuple[str, dict[str, object]]] = []
    headers = {"Accept": "text/event-stream"}
    async with client.stream("POST", "/v1/recommendations", json=body, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                told.append((name, json.loads(line[6:])))
    names = [name for name, _ in told]
    assert names == ["progress"] * (len(names) - 3) + ["cards", "reasons", "end"]
    cards, reasons = told[-3][1], told[-2][1]
    assert {card["item_id"] for card in cards["items"]} == set(reasons["reasons"])  # type: ignore[attr-defined,index,call-overload]
    plain = (await client.post("/v1/recommendations", json=body)).json()
    assert [c["item_id"] for c in plain["items"]] == [c["item_id"] for c in cards["items"]]  # type: ignore[attr-defined,index]


async def test_feedback_on_a_missed_item_teaches(client: httpx.AsyncClient, app: Re2LLM) -> None:
    session = app.parts.dataset.test[0]
    body = {"session": list(session.items), "candidates": list(session.candidates or ())}
    slate = (await client.post("/v1/recommendations", json=body)).json()
    shown = [card["item_id"] for card in slate["items"]]
    missed = [item_id for item_id in session.candidates or () if item_id not in shown][-1]
    path = f"/v1/slates/{slate['slate_id']}"
    told = (await client.post(f"{path}/feedback", json={"chosen": missed})).json()
    assert told["state"] == "done"
    assert told["error"] is True
    assert told["new_hints"]
    hints = (await client.get("/v1/hints")).json()
    assert {h["hint_id"] for h in told["new_hints"]} == {h["hint_id"] for h in hints}
    assert (await client.get(path)).json() == told
    again = await client.post(f"{path}/feedback", json={"chosen": missed})
    assert again.json() == told
    other = await client.post(f"{path}/feedback", json={"chosen": shown[0]})
    assert other.status_code == 409


async def test_feedback_that_was_accepted_survives_a_crash(app: Re2LLM) -> None:
    session = app.parts.dataset.test[0]
    body = {"session": list(session.items), "candidates": list(session.candidates or ())}
    async with opened(app) as client:
        slate = (await client.post("/v1/recommendations", json=body)).json()
    shown = [card["item_id"] for card in slate["items"]]
    missed = [item_id for item_id in session.candidates or () if item_id not in shown][-1]
    database = open_records(app.parts.settings.workspace / RECORDS)
    Slates(database).give("default", slate["slate_id"], Given(chosen=missed, source="s"))
    database.close()
    async with opened(app) as client:
        path = f"/v1/slates/{slate['slate_id']}/feedback"
        told = (await client.post(path, json={"chosen": missed})).json()
    assert told["state"] == "done"
    assert told["new_hints"]


async def test_wrong_requests_name_what_is_wrong(client: httpx.AsyncClient) -> None:
    wrong: list[tuple[dict[str, object], int, str]] = [
        ({"k": 0}, 422, "k"),
        ({"kk": 1}, 422, "kk"),
        ({"filters": {"price": {"max": "cheap"}}}, 422, "'cheap'"),
        ({"filters": {"price": {"max": 1e300}}}, 422, "filters"),
        ({"session_id": "nonsense"}, 404, "'nonsense'"),
        ({"hint": "h0"}, 422, "'h0'"),
    ]
    for body, status, named in wrong:
        answer = await client.post("/v1/recommendations", json=body)
        assert answer.status_code == status, body
        assert answer.headers["content-type"] == "application/problem+json"
        assert named in answer.json()["detail"]


async def test_a_withdrawn_item_is_never_recommended(client: httpx.AsyncClient) -> None:
    first = (await client.post("/v1/recommendations", json={})).json()
    gone = first["items"][0]["item_id"]
    assert (await client.put(f"/v1/withdrawn/{gone}")).json() == [gone]
    again = (await client.post("/v1/recommendations", json={})).json()
    assert gone not in [card["item_id"] for card in again["items"]]
    assert (await client.delete(f"/v1/withdrawn/{gone}")).json() == []
    back = (await client.post("/v1/recommendations", json={})).json()
    assert back["items"] == first["items"]
