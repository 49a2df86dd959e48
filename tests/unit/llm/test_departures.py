"""Questions that come at once leave apart, by what each costs."""

import pytest

from re2llm.llm.departures import Departures


class Clocks:
    def __init__(self) -> None:
        self.now, self.worked = 100.0, 5.0

    def made(self) -> Departures:
        return Departures(now=lambda: self.now, worked=lambda: self.worked)

    def learn(self, departures: Departures, cost: float) -> None:
        """Let many questions leave, far apart, each at this cost."""
        for _ in range(2000):
            self.now += 1.0
            self.worked += cost
            assert departures.wait() == 0


@pytest.mark.parametrize(("cost", "apart"), [(0.0005, 0.0005), (0.0, 0.0), (3.0, 0.002)])
def test_those_that_come_at_once_leave_as_far_apart_as_each_costs_up_to_a_limit(cost, apart):
    clocks = Clocks()
    departures = clocks.made()
    clocks.learn(departures, cost)
    clocks.now += 1.0
    clocks.worked += cost
    waits = [departures.wait()]
    for _ in range(3):
        clocks.worked += cost
        waits.append(departures.wait())
    assert waits == pytest.approx([0, apart, 2 * apart, 3 * apart], abs=1e-9)


def test_nobody_waits_whose_time_has_come():
    clocks = Clocks()
    departures = clocks.made()
    assert departures.wait() == 0
    assert departures.wait() > 0
    clocks.now += 0.05
    assert departures.wait() == 0


async def test_a_turn_ends_when_the_wait_does():
    departures = Departures()
    for _ in range(5):
        await departures.turn()
    assert departures.wait() > 0
