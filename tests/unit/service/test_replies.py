"""A request that is repeated under its key is done once."""

import asyncio

import httpx


async def test_the_same_idempotency_key_does_it_once(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await client.post("/v1/sessions", headers=headers)
    again = await client.post("/v1/sessions", headers=headers)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post("/v1/recommendations", json={}, headers=headers)
    assert other.status_code == 422
    both = await asyncio.gather(
        *(
            client.post("/v1/recommendations", json={}, headers={"Idempotency-Key": "two"})
            for _ in "ab"
        )
    )
    assert sorted(answer.status_code for answer in both) in ([200, 200], [200, 409])
