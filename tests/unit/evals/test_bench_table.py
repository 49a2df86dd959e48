"""The complete table of rewards: what learners see of it, and what luck alone would reach."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.catalog.sessions import Session
from re2llm.evals.paid_table import Rewards
from re2llm.evals.table_trials import by_lot, picked, run_learner
from re2llm.evals.worlds import WORLDS, World, draw_world
from re2llm.graph.cases import Case
from re2llm.llm.ranking import RankTask

CANDIDATES = tuple(
    Candidate(item=Item(item_id=str(place), title=f"Item {place}"), score=-float(place))
    for place in range(20)
)


def rewards(states: np.ndarray, gains: np.ndarray) -> Rewards:
    task = RankTask(session=(), candidates=CANDIDATES)
    session = Session(session_id="s", items=(), target="0")
    cases = [Case(session=session, task=task, target="0", features=row, key="k") for row in states]
    return Rewards(cases=cases, gains=gains, base=np.full(len(states), 0.2))


@pytest.fixture(scope="module")
def world() -> World:
    kind = replace(WORLDS["strong"], sessions=120, held_out=200, hints=6, kinds=3, features=12)
    return draw_world(replace(kind, dim=16), 0)


def test_a_learner_is_judged_by_what_its_picks_gain(world: World) -> None:
    train = rewards(world.problem.states, world.rewards)
    held_out = rewards(world.held_out, world.truth)
    trials = asyncio.run(
        run_learner("top-two (default)", world.problem, train, held_out, (200, 500), 0)
    )
    assert [trial.calls for trial in trials] == [200, 500]
    assert trials[-1].gains.mean() > 0.8 * world.oracle()
    assert len(trials[-1].gains) == len(world.held_out)


def test_no_hint_gains_nothing(world: World) -> None:
    class Silent:
        predicts_gain = True
        features, dim = 12, 16

        def scores(self, states: np.ndarray, hints: object) -> np.ndarray:
            return np.full((len(states), 6), -1.0)

        def spreads(self, states: np.ndarray, hints: object, picks: np.ndarray) -> np.ndarray:
            return np.zeros(picks.shape)

    gains, hinted = picked(Silent(), world.problem, rewards(world.held_out, world.truth))  # type: ignore[arg-type]
    assert hinted == 0
    assert not gains.any()


def test_more_random_orders_look_better_in_hindsight() -> None:
    held_out = rewards(np.zeros((50, 3), np.float32), np.zeros((50, 2)))
    one, many = by_lot(held_out, 1, 0), by_lot(held_out, 10, 0)
    uniform = np.mean([1 / np.log2(place + 2) if place < 10 else 0 for place in range(20)])
    assert one == pytest.approx(uniform - 0.2, abs=0.01)
    assert many > one + 0.2
