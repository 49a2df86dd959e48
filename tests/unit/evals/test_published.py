"""The published trainer must show its faults, or the line that it draws is worth nothing."""

import asyncio

import numpy as np
import pytest
import torch

from re2llm.evals.bench_policy_published import Published, _law
from re2llm.evals.worlds import WORLDS, TableRewards, draw_world
from re2llm.policy.picks import rewards_of
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.training import Pair


class Watched(TableRewards):
    """Remembers the pairs that were asked for."""

    def __init__(self, ids: tuple[str, ...], rewards: np.ndarray) -> None:  # type: ignore[type-arg]
        super().__init__(ids, rewards)
        self.pairs: list[Pair] = []

    async def rewards(self, pairs):  # type: ignore[no-untyped-def]
        self.pairs += pairs
        return await super().rewards(pairs)


def run(*, calls: int = 2000, seed: int = 0):  # type: ignore[no-untyped-def]
    world = draw_world(WORLDS["strong"], seed)
    source = Watched(world.problem.hints.ids, world.rewards)
    trained = asyncio.run(Published().train(world.problem, source, calls=calls, seed=seed))
    return world, source, trained


def test_a_single_states_actions_are_uniform_whatever_the_logits() -> None:
    law = _law(torch.tensor([[9.0, -3.0, 0.0]]))
    torch.testing.assert_close(law, torch.full((1, 3), 1 / 3))
    batch = _law(torch.tensor([[9.0, -3.0, 0.0], [0.0, 0.0, 0.0]]))
    assert float(batch[0, 0]) > 0.4


def test_acting_stays_uniform_and_repeated_pairs_are_paid_for_again() -> None:
    world, source, _ = run()
    late = [hint for _, hint in source.pairs[-1000:]]
    counts = np.unique([str(hint) for hint in late], return_counts=True)[1]
    assert len(counts) == 1 + len(world.problem.hints)
    assert counts.max() < 2 * 1000 / len(counts)
    assert len(source.pairs) == 2000 > len(set(source.pairs))


def test_it_stays_far_below_what_can_be_had() -> None:
    shares = []
    for seed in range(3):
        world, _, trained = run(seed=seed)
        policy = ScoringPolicy(scorer=trained.scorer, name="published")
        picks = policy.best(world.held_out, world.problem.hints)
        shares.append(float(rewards_of(world.truth, picks).mean()) / world.oracle())
    assert np.median(shares) < 0.4


def test_the_same_seed_is_the_same_run() -> None:
    one, two = (run(calls=500, seed=3)[2].scorer.tensors() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("calls", [100, 600])
def test_every_step_is_a_call(calls: int) -> None:
    _, source, trained = run(calls=calls)
    assert source.asked == calls == trained.curve[-1].calls
