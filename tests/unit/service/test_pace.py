"""How many requests a key may send, in one process and over all replicas."""

from pathlib import Path

import pytest

from re2llm.service.pace import RateLimit, SharedRateLimit
from re2llm.service.records import open_records


def test_the_rate_is_kept_and_refills() -> None:
    now = 0.0
    rate = RateLimit(60, clock=lambda: now)
    assert [rate.wait("a") for _ in range(10)] == [0.0] * 10
    assert rate.wait("a") == pytest.approx(1.0)
    assert rate.wait("b") == 0.0
    now = 2.0
    assert [rate.wait("a"), rate.wait("a")] == [0.0, 0.0]
    assert rate.wait("a") > 0


async def test_replicas_share_one_rate(place_of_records: tuple[Path, str | None]) -> None:
    records = open_records(place_of_records[0], url=place_of_records[1])
    one, two = (SharedRateLimit(records, 120) for _ in range(2))
    waits = [await each.take("a") for _ in range(20) for each in (one, two)]
    allowed = sum(wait == 0 for wait in waits)
    assert 12 <= allowed <= 20  # 12 at once, and what has refilled meanwhile
    assert 0 < max(waits) <= 0.5
    assert await one.take("b") == 0
    records.close()


@pytest.fixture(params=["sqlite", "postgres"])
def place_of_records(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str | None]:
    """A path, and the URL of a Postgres or None."""
    url = request.getfixturevalue("database_url") if request.param == "postgres" else None
    return tmp_path / "records.sqlite", url
