"""Blocking work that shares its way into a thread."""

import asyncio
import threading

import pytest

from re2llm.event_loop import run_quickly
from re2llm.one_hop import OneHop


def where() -> int:
    assert threading.current_thread() is not threading.main_thread()
    return threading.get_ident()


def halve(number: int) -> int:
    if number % 2:
        raise ValueError(number)
    return number // 2


async def test_what_is_asked_in_one_turn_shares_a_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    hops = []
    plain = asyncio.to_thread

    async def counted(*args: object) -> object:
        hops.append(args)
        return await plain(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "to_thread", counted)
    hop = OneHop()
    assert len(set(await asyncio.gather(*(hop(where) for _ in range(8))))) == 1
    assert len(hops) == 1
    await hop(where)
    assert len(hops) == 2


async def test_a_failure_reaches_him_alone_who_asked() -> None:
    hop = OneHop()
    made = await asyncio.gather(*(hop(halve, n) for n in range(4)), return_exceptions=True)
    assert made[::2] == [0, 1]
    assert [repr(one) for one in made[1::2]] == ["ValueError(1)", "ValueError(3)"]


async def test_one_who_no_longer_waits_does_not_disturb_the_others() -> None:
    hop = OneHop()
    gone = asyncio.create_task(hop(halve, 2))
    stays = asyncio.create_task(hop(halve, 4))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 2
    with pytest.raises(asyncio.CancelledError):
        await gone


def test_several_event_loops_do_not_meet() -> None:
    hop = OneHop()

    async def ask() -> list[int]:
        return await asyncio.gather(hop(halve, 2), hop(halve, 6))

    assert run_quickly(ask()) == asyncio.run(ask()) == [1, 3]
