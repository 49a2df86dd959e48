"""Learning from served slates, in worlds where the truth is known."""

from dataclasses import replace

import numpy as np
from policy_helpers import small_world, train

from re2llm.evals.worlds import World
from re2llm.policy.hint_side import HintSide
from re2llm.policy.outcomes import Outcomes, logged_gains
from re2llm.policy.picks import rewards_of
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson

QUICK = Thompson(landmarks=24, evidence_rows=250, evidence_steps=8)


def served(world: World, *, exploration: float, seed: int = 0) -> Outcomes:
    """Serve the held-out sessions by lot so often, else without a hint; easy sessions gain more."""
    draws = np.random.default_rng(seed)
    states, hints = world.held_out, world.problem.hints
    n, actions = len(states), 1 + len(hints)
    chosen = np.where(draws.random(n) < exploration, draws.integers(actions, size=n), 0)
    propensities = exploration / actions + (1 - exploration) * (chosen == 0)
    ease = 0.4 + 0.1 * np.tanh(states[:, 0])
    gains = np.concatenate([np.zeros((n, 1)), world.truth], axis=1)[np.arange(n), chosen]
    ids = (None, *hints.ids)
    return Outcomes(
        states=states,
        hint_ids=tuple(ids[action] for action in chosen),
        propensities=propensities,
        values=ease + gains + 0.05 * draws.standard_normal(n),
    )


def test_gains_are_those_over_what_no_hint_would_have_brought() -> None:
    world = small_world()
    outcomes = served(world, exploration=0.7)
    found = logged_gains(outcomes, world.problem.hints)
    assert found is not None
    given = np.array([hint_id is not None for hint_id in outcomes.hint_ids])
    truth = world.truth[given, found.columns]
    assert len(found) == given.sum()
    assert np.corrcoef(found.gains, truth)[0, 1] > 0.8
    assert abs(found.gains.mean() - truth.mean()) < 0.03
    assert 0.001 < found.noise < 0.02


def test_what_was_chosen_for_sure_or_is_gone_tells_nothing() -> None:
    world = small_world()
    hints = world.problem.hints
    sure = served(world, exploration=0.7)
    assert logged_gains(replace(sure, propensities=np.ones(len(sure.values))), hints) is None
    assert logged_gains(served(world, exploration=0.0), hints) is None
    part = hints.part(np.arange(2))
    found = logged_gains(sure, part)
    assert found is not None
    assert set(found.columns.tolist()) == {0, 1}
    gone = HintSide(ids=("x", "y"), vectors=part.vectors, records=part.records)
    assert logged_gains(sure, gone) is None


def test_served_slates_teach_beside_few_paid_rewards() -> None:
    gained = []
    for seed in range(4):
        world = small_world(seed=seed)
        shown = replace(world, held_out=world.held_out[:200], truth=world.truth[:200])
        logged = logged_gains(served(shown, exploration=0.7), world.problem.hints)
        shares = []
        for told in (logged, None):
            problem = replace(world.problem, logged=told)
            scorer = train(replace(world, problem=problem), QUICK, calls=40).scorer
            policy = ScoringPolicy(scorer=scorer, name="t")
            picks = policy.best(world.held_out[200:], world.problem.hints)
            shares.append(float(rewards_of(world.truth[200:], picks).mean()) / world.oracle())
        gained.append(shares[0] - shares[1])
    assert np.mean(gained) > 0.1, gained


def test_noisy_slates_do_not_drown_paid_rewards() -> None:
    world = small_world()
    logged = logged_gains(served(world, exploration=0.7), world.problem.hints)
    assert logged is not None
    noise = 3 * np.random.default_rng(1).standard_normal(len(logged))
    drowned = replace(logged, gains=logged.gains + noise, noise=9.0)
    scorer = train(
        replace(world, problem=replace(world.problem, logged=drowned)), QUICK, calls=500
    ).scorer
    picks = ScoringPolicy(scorer=scorer, name="t").best(world.held_out, world.problem.hints)
    assert float(rewards_of(world.truth, picks).mean()) > 0.85 * world.oracle()
