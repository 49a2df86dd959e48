"""Claims on background work: held by one process at a time, and never past their time."""

import asyncio
import time
from pathlib import Path

import pytest
from postgres import once_back, postgres

from re2llm.service.claims import ClaimLost, Claims
from re2llm.service.records import open_records


def test_a_claim_is_held_by_one_until_its_time_is_over(place: tuple[Path, str | None]) -> None:
    records = open_records(place[0], url=place[1])
    one, two = (Claims(database=records, lease=lease) for lease in (0.5, 60))
    assert one.take("work")
    assert one.take("work")
    assert not two.take("work")
    assert two.take("other work")
    two.leave("work")
    assert not two.take("work")
    time.sleep(0.6)
    assert two.take("work")
    assert not one.take("work")
    records.close()


async def test_who_loses_a_claim_stops(tmp_path: Path) -> None:
    records = open_records(tmp_path / "r.sqlite")
    one, two = (Claims(database=records, lease=0.3) for _ in range(2))

    async def work() -> None:
        async with one.held("work"):
            one.leave("work")
            assert two.take("work")
            await asyncio.sleep(10)

    with pytest.raises(ClaimLost, match="'work'"):
        await work()
    assert not one.take("work")
    records.close()


async def test_who_cannot_renew_a_claim_stops_before_another_may_take_it() -> None:
    with postgres() as server:
        records = open_records(None, url=server.url("shop"))
        claims = Claims(database=records, lease=0.6)

        async def work() -> None:
            async with claims.held("work"):
                await asyncio.to_thread(server.stop, "immediate")
                await asyncio.sleep(30)

        with pytest.raises(ClaimLost):
            await work()
        server.start()
        assert once_back(lambda: claims.take("work"))
        records.close()


async def test_a_claim_is_renewed_while_it_is_held(tmp_path: Path) -> None:
    records = open_records(tmp_path / "r.sqlite")
    one, two = (Claims(database=records, lease=0.3) for _ in range(2))
    async with one.held("turn"):
        await asyncio.sleep(0.8)
        async with two.tried("turn") as mine:
            assert not mine
    async with two.tried("turn") as mine:
        assert mine
    records.close()
