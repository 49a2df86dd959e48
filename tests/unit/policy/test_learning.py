"""What every learner must do in worlds where the truth is known."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
import torch
from policy_helpers import eligible_of, small_world, train

from re2llm.errors import UserError
from re2llm.evals.worlds import TableRewards, World
from re2llm.policy.gate import judge
from re2llm.policy.halving import Halving
from re2llm.policy.lottery import Lottery
from re2llm.policy.neural import NeuralThompson
from re2llm.policy.picks import rewards_of
from re2llm.policy.ppo import PPO
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson, linear_thompson
from re2llm.policy.training import Problem, Trainer

QUICK = {"landmarks": 24, "evidence_rows": 250, "evidence_steps": 8}
LEARNERS: tuple[Trainer, ...] = (
    Thompson(),
    Thompson(name="thompson", asking="thompson", **QUICK),  # type: ignore[arg-type]
    Thompson(name="uniform", asking="uniform", **QUICK),  # type: ignore[arg-type]
    NeuralThompson(networks=2, steps=20, least=100),
    PPO(batch=120, minibatch=60),
)
BASELINES: tuple[Trainer, ...] = (Halving(), Lottery())


def by_name(trainer: Trainer) -> str:
    return trainer.name


def share_of_oracle(world: World, trainer: Trainer, calls: int) -> float:
    scorer = train(world, trainer, calls=calls).scorer
    policy = ScoringPolicy(scorer=scorer, name="t")
    picks = policy.best(world.held_out, world.problem.hints)
    return float(rewards_of(world.truth, picks).mean()) / world.oracle()


def shuffled(world: World) -> World:
    rewards = np.random.default_rng(5).permutation(world.rewards.ravel())
    rewards = rewards.reshape(world.rewards.shape)
    return replace(world, rewards=rewards - rewards.mean())


@pytest.mark.parametrize("trainer", LEARNERS, ids=by_name)
def test_planted_best_hints_are_found(trainer: Trainer) -> None:
    world = small_world()
    share = share_of_oracle(world, trainer, calls=500)
    best_static = float(world.truth.mean(axis=0).max()) / world.oracle()
    assert share > best_static + 0.2
    if isinstance(trainer, Thompson):
        assert share > 0.9


def with_noise(world: World, many: int, *, grouped: bool) -> World:
    """Add features that tell nothing, as a group of their own or among the others."""
    draws = np.random.default_rng(3)
    states, held_out = (
        np.hstack([one, draws.normal(size=(len(one), many)).astype(np.float32)])
        for one in (world.problem.states, world.held_out)
    )
    told = np.arange(states.shape[1]) < world.problem.states.shape[1]
    groups = np.stack([told, ~told]) if grouped else None
    problem = replace(world.problem, states=states, groups=groups)
    return replace(world, problem=problem, held_out=held_out)


def test_a_group_of_features_that_tells_nothing_does_not_drown_the_others() -> None:
    shares = {
        grouped: share_of_oracle(
            with_noise(small_world(), 60, grouped=grouped), Thompson(), calls=400
        )
        for grouped in (True, False)
    }
    assert shares[True] > 0.8
    assert shares[True] > shares[False] + 0.1


@pytest.mark.parametrize("asking", ["top-two", "thompson", "uniform"])
def test_shuffled_rewards_are_not_learnt(asking: str) -> None:
    for seed in range(2):
        world = shuffled(small_world(seed=seed))
        scorer = train(world, Thompson(asking=asking), calls=500).scorer  # type: ignore[arg-type]
        picks = ScoringPolicy(scorer=scorer, name="t").best(world.held_out, world.problem.hints)
        assert all(pick.column is None for pick in picks)


def test_the_gate_stops_a_learner_that_learnt_noise() -> None:
    world = shuffled(small_world())
    policy = ScoringPolicy(scorer=train(world, PPO(), calls=500).scorer, name="t")
    hints = world.problem.hints
    noise = np.random.default_rng(0).normal(-0.02, 0.1, (len(world.held_out), len(hints)))
    decision = judge(policy, world.held_out, hints, noise)
    assert decision.hinted > 0.1
    assert not decision.serves


@pytest.mark.parametrize("trainer", [*LEARNERS, *BASELINES], ids=by_name)
def test_the_same_seed_gives_the_same_policy_bit_for_bit(trainer: Trainer) -> None:
    first, second, other = (
        train(small_world(), trainer, calls=300, seed=seed).scorer.tensors() for seed in (7, 7, 8)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    if trainer not in BASELINES[:1]:
        assert any(
            first[name].shape != other[name].shape or not torch.equal(first[name], other[name])
            for name in first
        )


@pytest.mark.parametrize("trainer", [*LEARNERS, *BASELINES], ids=by_name)
def test_calls_are_counted_once_and_never_overspent(trainer: Trainer) -> None:
    world = small_world()
    source = TableRewards(world.problem.hints.ids, world.rewards)
    trained = asyncio.run(trainer.train(world.problem, source, calls=300, seed=0))
    pairs = set(zip(trained.logged.sessions, trained.logged.hints, strict=True))
    assert len(pairs) == len(trained.logged) == source.asked <= 300
    assert trained.curve[-1].calls == source.asked
    calls = [point.calls for point in trained.curve]
    assert calls == sorted(calls)
    with pytest.raises(UserError, match="0 calls"):
        asyncio.run(trainer.train(world.problem, source, calls=0, seed=0))


class Failing(TableRewards):
    async def rewards(self, pairs):  # type: ignore[no-untyped-def]
        paid = await super().rewards(pairs)
        return np.where(np.arange(len(paid)) % 5 == 0, np.nan, paid)


@pytest.mark.parametrize("trainer", [*LEARNERS, *BASELINES], ids=by_name)
def test_answers_that_failed_are_not_learnt_from(trainer: Trainer) -> None:
    world = small_world()
    source = Failing(world.problem.hints.ids, world.rewards)
    trained = asyncio.run(trainer.train(world.problem, source, calls=400, seed=0))
    assert np.isfinite(trained.logged.rewards).all()
    scores = trained.scorer.scores(world.held_out, world.problem.hints)
    assert scores.shape == world.truth.shape
    assert np.isfinite(scores).all()


class Silent(TableRewards):
    async def rewards(self, pairs):  # type: ignore[no-untyped-def]
        return np.full(len(await super().rewards(pairs)), np.nan)


@pytest.mark.parametrize("trainer", [*LEARNERS, *BASELINES], ids=by_name)
def test_a_model_that_never_answers_is_told_before_all_calls_are_spent(trainer: Trainer) -> None:
    world = small_world()
    source = Silent(world.problem.hints.ids, world.rewards)
    with pytest.raises(UserError, match=r"no usable answer.*re2llm doctor"):
        asyncio.run(trainer.train(world.problem, source, calls=700, seed=0))
    assert source.asked < 400


def test_what_hints_say_carries_over_to_a_hint_added_later() -> None:
    world = small_world()
    draws = np.random.default_rng(0)
    vectors = draws.standard_normal((40, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    slopes = draws.standard_normal((world.problem.states.shape[1], 3)) * 0.1
    truth = world.problem.states @ slopes @ vectors.T
    records = np.zeros((40, 3), dtype=np.float32)
    ids = tuple(f"h{n:02d}" for n in range(40))
    side = type(world.problem.hints)(ids=ids, vectors=vectors, records=records)
    old = type(side)(ids=ids[:30], vectors=vectors[:30], records=records[:30])
    rewards = truth + 0.05 * draws.standard_normal(truth.shape)
    problem = Problem(states=world.problem.states, hints=old)
    known = replace(world, problem=problem, rewards=rewards[:, :30])
    scorer = train(known, Thompson(asking="uniform"), calls=1500).scorer
    found = scorer.scores(world.problem.states, side)[:, 30:]
    assert np.corrcoef(found.ravel(), truth[:, 30:].ravel())[0, 1] > 0.9
    picks = np.tile(np.array([0, 35]), (len(world.problem.states), 1))
    spreads = scorer.spreads(world.problem.states, side, picks)
    assert (spreads[:, 1] > spreads[:, 0]).mean() > 0.9


def test_straight_lines_learn_a_straight_world() -> None:
    assert share_of_oracle(small_world(), linear_thompson(), calls=500) > 0.85


def test_the_lot_is_even_and_the_same_anywhere() -> None:
    world = small_world()
    scorer = train(world, Lottery(), calls=100).scorer
    hints = world.problem.hints
    picks = [
        pick.column for pick in ScoringPolicy(scorer=scorer, name="t").best(world.held_out, hints)
    ]
    counts = np.bincount([column for column in picks if column is not None], minlength=len(hints))
    assert counts.sum() == len(world.held_out)
    assert counts.min() > 0.5 * len(world.held_out) / len(hints)
    first = ScoringPolicy(scorer=scorer, name="t").best(world.held_out[:1], hints)[0].column
    assert first == picks[0]


def test_problems_without_sessions_or_hints_say_what_to_do() -> None:
    world = small_world()
    eligible = eligible_of(world.problem.hints)
    with pytest.raises(UserError, match="ingest"):
        Problem.over(np.zeros((0, 5), dtype=np.float32), eligible)
    none = eligible_of(world.problem.hints, off=world.problem.hints.ids)
    with pytest.raises(UserError, match="re2llm explore"):
        Problem.over(world.problem.states, none)
    broken = world.problem.states.copy()
    broken[0, 0] = np.nan
    with pytest.raises(UserError, match="not finite"):
        Problem.over(broken, eligible)


def test_halving_finds_the_hint_that_is_best_on_average() -> None:
    world = small_world()
    rewards = world.rewards * 0.3
    rewards[:, 4] += 0.2
    trained = train(replace(world, rewards=rewards), Halving(), calls=200)
    scores = trained.scorer.scores(world.held_out[:1], world.problem.hints)[0]
    assert np.flatnonzero(scores > 0).tolist() == [4]


def test_learning_goes_on_from_what_is_known() -> None:
    world = small_world()
    known = world.rewards.copy()
    known[:, 5] = np.nan
    world = replace(world, problem=replace(world.problem, known=known))
    trained = train(world, Thompson(**QUICK), calls=60)  # type: ignore[arg-type]
    assert len(trained.logged) == 60
    assert set(trained.logged.hints.tolist()) == {5}
    policy = ScoringPolicy(scorer=trained.scorer, name="t")
    picks = policy.best(world.held_out, world.problem.hints)
    assert float(rewards_of(world.truth, picks).mean()) > 0.85 * world.oracle()


@pytest.mark.parametrize(("mistrust", "learns"), [(3.0, True), (float("inf"), False)])
def test_what_is_no_longer_true_is_forgotten(mistrust: float, learns: bool) -> None:
    before, after = small_world(), small_world(changed=1.0)
    known = before.rewards.copy()
    known[60:] = np.nan
    after = replace(after, problem=replace(after.problem, known=known))
    share = share_of_oracle(after, Thompson(mistrust=mistrust, **QUICK), 200)  # type: ignore[arg-type]
    assert (share > 0.85) == learns


def test_what_is_still_true_is_not_forgotten() -> None:
    world = small_world("weak")
    known = world.rewards.copy()
    known[80:] = np.nan
    world = replace(world, problem=replace(world.problem, known=known))
    shares = {
        mistrust: share_of_oracle(world, Thompson(mistrust=mistrust, **QUICK), 60)  # type: ignore[arg-type]
        for mistrust in (3.0, float("inf"))
    }
    assert shares[3.0] == shares[float("inf")]
