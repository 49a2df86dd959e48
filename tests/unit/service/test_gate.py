"""Who gets in, and what never leaves."""

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from service_client import KEYS, opened

from re2llm.database import DatabaseUnavailable
from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.service.keys import read_keys
from re2llm.service.recommend import Progress
from re2llm.service.upkeep import Chore

NORTH = {"Authorization": "Bearer north-key-0123456789"}
SOUTH = {"Authorization": "Bearer south-key-0123456789"}
CHAT = {"Authorization": "Bearer north-chat-0123456789"}


async def test_without_a_good_key_nothing_of_a_tenant_is_served(app: Re2LLM) -> None:
    async with opened(app, api_keys=KEYS) as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
            for path in ("/v1/hints", "/v1/sessions/x", "/metrics", "/v1/nowhere", "/v2/rerank"):
                answer = await client.get(path, headers=headers)
                assert answer.status_code == 401, path
                assert answer.headers["www-authenticate"] == "Bearer"
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json()["ready"] is True


async def test_a_tenant_sees_nothing_of_another(app: Re2LLM) -> None:
    async with opened(app, api_keys=KEYS) as client:
        session = (await client.post("/v1/sessions", headers=NORTH)).json()["session_id"]
        slate = (await client.post("/v1/recommendations", json={}, headers=NORTH)).json()
        hint = await client.post(
            "/v1/hints", json={"text": "Prefer items of the same brand."}, headers=NORTH
        )
        item = slate["items"][0]["item_id"]
        foreign = [
            ("GET", f"/v1/sessions/{session}", None),
            ("GET", f"/v1/sessions/{session}/slates", None),
            (
                "POST",
                f"/v1/sessions/{session}/events",
                {"events": [{"kind": "view", "item_id": item}]},
            ),
            ("POST", "/v1/recommendations", {"session_id": session}),
            ("GET", f"/v1/slates/{slate['slate_id']}", None),
            ("POST", f"/v1/slates/{slate['slate_id']}/feedback", {"chosen": None}),
            ("GET", f"/v1/hints/{hint.json()['hint_id']}", None),
            ("POST", f"/v1/hints/{hint.json()['hint_id']}/disable", {}),
            ("PUT", f"/v1/hints/{hint.json()['hint_id']}", {"text": "Prefer cheaper items."}),
        ]
        for method, path, body in foreign:
            answer = await client.request(method, path, json=body, headers=SOUTH)
            assert answer.status_code == 404, (method, path, answer.text)
        assert (await client.get("/v1/hints", headers=SOUTH)).json() == []
        assert (await client.get("/v1/hints/log", headers=SOUTH)).json() == []
        await client.put(f"/v1/withdrawn/{item}", headers=NORTH)
        assert (await client.get("/v1/withdrawn", headers=SOUTH)).json() == []
        assert (await client.get("/v1/hints", headers=NORTH)).json()[0]["status"] == "active"


async def test_a_chat_key_cannot_look_after_the_shop(app: Re2LLM) -> None:
    async with opened(app, api_keys=KEYS) as client:
        assert (await client.post("/v1/recommendations", json={}, headers=CHAT)).status_code == 200
        for path in ("/v1/hints", "/v1/hints/log", "/metrics", "/v1/withdrawn"):
            assert (await client.get(path, headers=CHAT)).status_code == 403, path


async def test_metrics_are_of_all_tenants_so_no_tenant_reads_them(app: Re2LLM) -> None:
    both = f"{KEYS},watch:metrics-key-0123456789:metrics"
    async with opened(app, api_keys=both) as client:
        watch = {"Authorization": "Bearer metrics-key-0123456789"}
        assert (await client.get("/metrics", headers=NORTH)).status_code == 403
        told = await client.get("/metrics", headers=watch)
        assert "re2llm_request_seconds" in told.text
        for path in ("/v1/hints", "/v1/items/x"):
            assert (await client.get(path, headers=watch)).status_code == 403
    async with opened(app, api_keys="north:north-key-0123456789") as client:
        assert (await client.get("/metrics", headers=NORTH)).status_code == 200


def test_keys_are_read_and_wrong_ones_are_named_by_place_not_by_value() -> None:
    ring = read_keys("a:0123456789abcdef, b:fedcba9876543210:chat")
    assert ring is not None
    caller = ring.find("0123456789abcdef")
    assert caller is not None
    assert (caller.tenant, caller.staff) == ("a", True)
    assert "0123" not in caller.name
    assert ring.find("0123456789abcde") is None
    assert ring.find(None) is None
    assert read_keys(" , ") is None
    for wrong in ("only-a-key-0123456789", "a:short", "a:0123456789abcdef:boss"):
        with pytest.raises(UserError, match="entry 1") as caught:
            read_keys(wrong)
        assert "0123456789" not in str(caught.value)
    with pytest.raises(UserError, match="entry 2 is given twice"):
        read_keys("a:0123456789abcdef,b:0123456789abcdef")


async def test_too_many_too_large_too_deep(app: Re2LLM) -> None:
    async with opened(app, api_keys=KEYS, rate_limit=60, body_limit=2048) as client:
        large = await client.post("/v1/recommendations", content=b"x" * 4096, headers=NORTH)
        assert large.status_code == 413
        deep = await client.post("/v1/recommendations", content=b"[" * 999, headers=NORTH)
        assert deep.status_code == 422
        assert "deeper" in deep.json()["detail"]
        answers = [await client.get("/v1/withdrawn", headers=NORTH) for _ in range(12)]
        limited = [answer for answer in answers if answer.status_code == 429]
        assert limited
        assert int(limited[0].headers["retry-after"]) >= 1
        assert (await client.get("/v1/withdrawn", headers=SOUTH)).status_code == 200


async def test_what_hangs_is_given_up(app: Re2LLM, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr("re2llm.service.recommend.Recommender.make", hang)
    async with opened(app, time_limit=0.2) as client:
        answer = await client.post("/v1/recommendations", json={})
        assert answer.status_code == 504
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_stream_that_fails_or_hangs_says_so_ends_and_is_not_kept(
    app: Re2LLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_off(*_: object) -> AsyncIterator[object]:
        yield Progress(step="rerank", told="ranked them")
        raise DatabaseUnavailable("postgresql://secret")

    async def hang(*_: object) -> AsyncIterator[object]:
        yield Progress(step="rerank", told="ranked them")
        await asyncio.sleep(30)

    headers = {"Accept": "text/event-stream", "Idempotency-Key": "one"}
    async with opened(app, time_limit=0.5) as client:
        for how, status in ((break_off, "503"), (hang, "504")):
            with monkeypatch.context() as patch:
                patch.setattr("re2llm.service.recommend.Recommender.stream", how)
                told = await client.post("/v1/recommendations", json={}, headers=headers)
            names = [line for line in told.text.splitlines() if line.startswith("event: ")]
            assert names == ["event: progress", "event: error", "event: end"]
            assert status in told.text
            assert "secret" not in told.text
        again = await client.post("/v1/recommendations", json={}, headers=headers)
        assert "event: cards" in again.text
        whole = {"Idempotency-Key": "one"}
        other = await client.post("/v1/recommendations", json={}, headers=whole)
        assert other.status_code == 422


async def test_upkeep_goes_on_after_any_error(caplog: pytest.LogCaptureFixture) -> None:
    rounds: list[int] = []
    often = asyncio.Event()

    async def work() -> None:
        rounds.append(1)
        if len(rounds) == 3:
            often.set()
        raise KeyError("unforeseen")

    chore = asyncio.create_task(Chore(name="sweeping", every=0.01, work=work).keep_doing())
    await asyncio.wait_for(often.wait(), 20)
    chore.cancel()
    assert "sweeping: KeyError" in caplog.text


async def test_other_origins_are_not_let_in_unless_named(app: Re2LLM) -> None:
    ask = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with opened(app, api_keys=KEYS) as client:
        answer = await client.options("/v1/recommendations", headers=ask)
        assert "access-control-allow-origin" not in answer.headers
    async with opened(app, api_keys=KEYS, cors_origins="https://shop.example") as client:
        answer = await client.options("/v1/recommendations", headers=ask)
        assert "access-control-allow-origin" not in answer.headers
        good = await client.options(
            "/v1/recommendations", headers={**ask, "Origin": "https://shop.example"}
        )
        assert good.headers["access-control-allow-origin"] == "https://shop.example"


async def test_logs_hold_neither_keys_nor_words_nor_ids(
    app: Re2LLM, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(app, api_keys=KEYS) as client:
        with caplog.at_level(logging.INFO):
            session = (await client.post("/v1/sessions", headers=NORTH)).json()["session_id"]
            body = {"request": "mail me at jo@example.com", "session_id": session}
            await client.post("/v1/recommendations?q=secretword", json=body, headers=NORTH)
            await client.get(f"/v1/sessions/{session}", headers=NORTH)
    ours = [record.getMessage() for record in caplog.records if record.name != "httpx"]
    logged = "\n".join(ours)
    assert "/v1/sessions/{session_id}" in logged
    for hidden in ("north-key", "jo@example.com", "secretword", session):
        assert hidden not in logged


async def test_broken_json_and_lone_surrogates_are_refused(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (
        b"{",
        b"[1]",
        b'{"request": "\\ud800"}',
        b'{"filters": {"a": "\\ud800"}}',
        b"\xff",
    ):
        answer = await client.post("/v1/recommendations", content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
