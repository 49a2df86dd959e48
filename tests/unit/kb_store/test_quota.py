"""How many reflections feedback may cost, over restarts and retries, and who waits."""

from pathlib import Path

from re2llm.kb_store.quota import QuotaLimits, ReflectionQuota

LIMITS = QuotaLimits(tenant=5, source=2, waiting=4, window=100.0)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def quota(path: Path | None = None, clock: Clock | None = None) -> ReflectionQuota:
    return ReflectionQuota(path, LIMITS, clock=clock or Clock())


def take(one: ReflectionQuota, slate: str, source: str = "", tenant: str = "shop") -> str | None:
    return one.take(slate, tenant=tenant, source=source, what=f"what of {slate}")


def test_a_flood_gets_what_the_tenant_has_and_no_more() -> None:
    one = quota()
    granted = [take(one, f"s{n}", f"shopper {n}") is None for n in range(1000)]
    assert granted == [True] * 5 + [False] * 995
    assert take(one, "t", tenant="other") is None


def test_one_source_leaves_room_for_others() -> None:
    one = quota()
    granted = [take(one, f"s{n}", "loud") is None for n in range(50)]
    assert sum(granted) == 2
    assert take(one, "quiet one", "quiet") is None
    assert "this source" in str(take(one, "s99", "loud"))


def test_feedback_without_a_source_counts_for_the_tenant_alone() -> None:
    one = quota()
    assert [take(one, f"s{n}") is None for n in range(6)] == [True] * 5 + [False]


def test_the_same_slate_is_counted_once_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "quota.sqlite"
    one = quota(path)
    for _ in range(9):
        assert take(one, "s0", "a") is None
    one.close()
    again = quota(path)
    assert take(again, "s0", "a") is None
    assert [take(again, f"s{n}", "a") is None for n in range(1, 4)] == [True, False, False]
    again.close()


def test_the_quota_comes_back_with_time() -> None:
    clock = Clock()
    one = quota(clock=clock)
    for n in range(5):
        assert take(one, f"s{n}") is None
    assert take(one, "late") is not None
    clock.now += LIMITS.window
    assert take(one, "late") is None
    assert one.waiting("shop", 100) == []


def test_what_waits_is_kept_and_a_flood_crowds_out_itself(tmp_path: Path) -> None:
    path = tmp_path / "quota.sqlite"
    one = quota(path)
    for n in range(5):
        take(one, f"s{n}")
    for n in range(100):
        take(one, f"loud {n}", "loud")
    take(one, "quiet 1", "quiet")
    take(one, "other shop's", tenant="other")
    one.close()
    again = quota(path)
    waiting = again.waiting("shop", 100)
    assert len(waiting) == LIMITS.waiting
    assert {each.slate for each in waiting[:2]} == {"loud 0", "quiet 1"}
    assert all(each.what == f"what of {each.slate}" for each in waiting)
    again.settle("quiet 1", tenant="other")
    again.settle("loud 0", tenant="shop")
    assert [each.slate for each in again.waiting("shop", 2)] == ["loud 1", "quiet 1"]
    again.close()


def test_sources_are_not_written_down(tmp_path: Path) -> None:
    path = tmp_path / "quota.sqlite"
    one = quota(path)
    take(one, "s", "ann@example.org")
    one.close()
    assert b"ann@example.org" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
