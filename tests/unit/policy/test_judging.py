"""The gate, the intervals and the off-policy estimates, where the truth is known."""

import numpy as np
import pytest
import torch
from policy_helpers import small_world

from re2llm.policy.bootstrap import mean_interval
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.gate import Decision, GateRules, Incumbent, Rival, judge
from re2llm.policy.offpolicy import (
    Estimate,
    Log,
    direct,
    doubly_robust,
    exact,
    inverse_propensity,
    self_normalised,
)
from re2llm.policy.serving import ScoringPolicy

WORLD = small_world()
HINTS = WORLD.problem.hints
N = len(WORLD.held_out)


def decide(
    means: list[float], served: int, static: int | None, incumbent: Incumbent | None = None
) -> Decision:
    gains = torch.zeros(6)
    gains[served] = 0.1
    scorer = ConstantScorer(HINTS.ids, gains, features=12, dim=16)
    noise = np.random.default_rng(0).normal(0, 0.05, (N, 6))
    rewards = np.array(means) + noise
    return judge(
        ScoringPolicy(scorer=scorer, name="p"),
        WORLD.held_out,
        HINTS,
        rewards,
        None if static is None else Rival(hint_id=HINTS.ids[static], gains=rewards[:, static]),
        incumbent,
    )


def test_a_policy_that_helps_serves() -> None:
    decision = decide([0.1, 0.02, 0, 0, 0, 0], served=0, static=1)
    assert decision.serves
    assert decision.words.startswith("serves")
    assert decision.over_none.low > 0.05


def test_a_policy_worse_than_no_hint_stays_out() -> None:
    decision = decide([-0.05, 0, 0, 0, 0, 0], served=0, static=None)
    assert not decision.serves
    assert "no hint" in decision.words


def test_a_policy_worse_than_the_best_static_hint_stays_out() -> None:
    decision = decide([0.02, 0.1, 0, 0, 0, 0], served=0, static=1)
    assert not decision.serves
    assert "over the best static hint is -0." in decision.words


@pytest.mark.parametrize(("before", "serves"), [(0.15, False), (0.05, True)])
def test_a_policy_serves_only_if_it_gains_no_less_than_the_one_before(
    before: float, serves: bool
) -> None:
    incumbent = Incumbent(version="v0007", gains=np.full(N, before))
    decision = decide([0.1, 0, 0, 0, 0, 0], served=0, static=1, incumbent=incumbent)
    assert decision.serves == serves
    assert "policy v0007" in decision.words
    assert decision.over_incumbent.mean == pytest.approx(0.1 - before, abs=0.02)


def test_an_incumbent_loses_only_where_enough_sessions_say_so() -> None:
    rules = GateRules()
    loser = Incumbent(version="v0001", gains=np.full(60, -0.1))
    assert loser.loss(rules, 0) is not None
    loser.gains[:20] = np.nan
    assert loser.loss(rules, 0) is None
    doubtful = np.random.default_rng(0).normal(-0.01, 0.3, 60)
    assert Incumbent(version="v0001", gains=doubtful).loss(rules, 0) is None


def test_a_policy_that_never_hints_changes_nothing_and_stays_out() -> None:
    scorer = ConstantScorer(HINTS.ids, torch.zeros(6), features=12, dim=16)
    decision = judge(
        ScoringPolicy(scorer=scorer, name="p"),
        WORLD.held_out,
        HINTS,
        WORLD.truth,
    )
    assert not decision.serves
    assert decision.hinted == 0


def helpful() -> tuple[ScoringPolicy, np.ndarray]:  # type: ignore[type-arg]
    """A policy that gives all the first hint, and rewards of which none is known yet."""
    scorer = ConstantScorer(HINTS.ids, torch.tensor([0.1, 0, 0, 0, 0, 0]), features=12, dim=16)
    return ScoringPolicy(scorer=scorer, name="p"), np.full((N, 6), np.nan)


@pytest.mark.parametrize("measured", [0, 1, 40, N // 2])
def test_what_was_hardly_measured_does_not_serve(measured: int) -> None:
    policy, rewards = helpful()
    rewards[:measured, 0] = 0.3
    decision = judge(policy, WORLD.held_out, HINTS, rewards)
    assert not decision.serves
    assert f"only {measured} of {N} held-out sessions" in decision.words


def test_a_rival_that_was_hardly_measured_stops_the_policy_too() -> None:
    policy, rewards = helpful()
    rewards[:, 0] = 0.3
    gains = np.full(N, np.nan)
    gains[0] = 0.0
    decision = judge(policy, WORLD.held_out, HINTS, rewards, Rival(hint_id="h", gains=gains))
    assert not decision.serves
    assert judge(policy, WORLD.held_out, HINTS, rewards).serves


def test_only_measured_sessions_are_compared() -> None:
    policy, rewards = helpful()
    rewards[: N - 20, 0] = 0.2
    decision = judge(policy, WORLD.held_out, HINTS, rewards)
    assert decision.serves
    assert f"({N - 20} held-out sessions)" in decision.words


@pytest.mark.parametrize(("sessions", "hinted"), [(20, 20), (200, 4)])
def test_few_sessions_or_few_hints_are_too_little_to_serve_by(sessions: int, hinted: int) -> None:
    class Some(ConstantScorer):
        def scores(self, states, hints):  # type: ignore[no-untyped-def]
            return super().scores(states, hints) * (np.arange(len(states)) < hinted)[:, None]

    scorer = Some(HINTS.ids, torch.tensor([0.1, 0, 0, 0, 0, 0]), features=12, dim=16)
    rewards = np.full((sessions, 6), 0.3)
    decision = judge(
        ScoringPolicy(scorer=scorer, name="p"), WORLD.held_out[:sessions], HINTS, rewards
    )
    assert decision.over_none.mean > 0
    assert not decision.serves
    assert f"only {hinted}" in decision.words


def test_intervals_cover_the_mean_about_as_often_as_they_say() -> None:
    draws = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        interval = mean_interval(draws.exponential(1.0, 100), level=0.9, draws=300)
        hits += interval.low <= 1.0 <= interval.high
    assert 0.83 <= hits / 200 <= 0.96


def logged_case(seed: int) -> tuple[Log, np.ndarray, np.ndarray, float]:  # type: ignore[type-arg]
    draws = np.random.default_rng(seed)
    n, hints = 400, 4
    truth = draws.normal(0.02, 0.1, (n, hints))
    behaviour = draws.dirichlet(np.full(hints + 1, 2.0), size=n) * 0.8 + 0.2 / (hints + 1)
    target = draws.dirichlet(np.full(hints + 1, 2.0), size=n)
    actions = (behaviour.cumsum(axis=1) < draws.random((n, 1))).sum(axis=1)
    padded = np.concatenate([np.zeros((n, 1)), truth], axis=1)
    mean = padded[np.arange(n), actions]
    rewards = mean + draws.normal(0, 0.1, n) * (actions > 0)
    log = Log(
        actions=actions,
        propensities=behaviour[np.arange(n), actions],
        rewards=rewards,
    )
    return log, target, truth, float((target * padded).sum(axis=1).mean())


@pytest.mark.parametrize("method", ["ips", "snips", "doubly robust", "doubly robust, bad model"])
def test_estimates_are_unbiased_and_their_intervals_cover(method: str) -> None:
    errors, hits = [], 0
    for seed in range(120):
        log, target, truth, value = logged_case(seed)
        found: Estimate
        if method == "ips":
            found = inverse_propensity(log, target)
        elif method == "snips":
            found = self_normalised(log, target)
        else:
            model = truth if method == "doubly robust" else 0.1 - truth
            found = doubly_robust(log, target, model)
        errors.append(found.value.mean - value)
        hits += found.value.low <= value <= found.value.high
        assert 0 < found.effective <= 400
    assert abs(np.mean(errors)) < 3 * np.std(errors) / 120**0.5
    assert hits / 120 > 0.88


def test_a_good_model_makes_the_doubly_robust_estimate_sharper() -> None:
    log, target, truth, _ = logged_case(0)
    sharp = doubly_robust(log, target, truth).value
    plain = inverse_propensity(log, target).value
    assert sharp.high - sharp.low < 0.8 * (plain.high - plain.low)


def test_the_exact_value_needs_only_the_rewards_of_actions_taken() -> None:
    table = np.array([[0.5, np.nan], [np.nan, -0.5]])
    chances = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert exact(chances, table).value.mean == pytest.approx(0.125)
    with pytest.raises(ValueError, match="lacks rewards"):
        exact(np.full((2, 3), 1 / 3), table)


def test_a_perfect_model_makes_the_direct_method_exact() -> None:
    _, target, truth, value = logged_case(1)
    assert direct(target, truth).value.mean == pytest.approx(value)


@pytest.mark.parametrize("propensity", [0.0, 1.2])
def test_impossible_propensities_are_refused(propensity: float) -> None:
    with pytest.raises(ValueError, match="propensities"):
        Log(
            actions=np.zeros(1, dtype=np.intp),
            propensities=np.array([propensity]),
            rewards=np.zeros(1),
        )
