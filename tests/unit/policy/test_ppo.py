import copy
import math

import numpy as np
import pytest
import torch
from policy_helpers import small_world

from re2llm.policy.ppo import PPO, Batch, PPOLearner, action_log_probs, clipped_loss

SETTINGS = PPO(epochs=1, minibatch=64, batch=64, exploration=0.1, entropy_weight=0.01)


def batch_of(learner: PPOLearner) -> Batch:
    sessions, actions, log_probs = learner.act()
    draws = np.random.default_rng(3)
    return Batch(
        states=learner.states[sessions],
        actions=torch.from_numpy(actions),
        log_probs=log_probs,
        rewards=torch.from_numpy(draws.standard_normal(len(actions))).float(),
    )


def test_exploration_is_part_of_the_probabilities() -> None:
    scores = torch.tensor([[1.0, -2.0, 40.0]])
    found = action_log_probs(scores, 0.2).exp()[0].tolist()
    powers = [math.exp(s) for s in (0.0, 1.0, -2.0, 40.0)]
    expected = [0.8 * p / sum(powers) + 0.2 / 4 for p in powers]
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_loss_is_the_clipped_surrogate_written_out() -> None:
    ratios, gains = [0.5, 0.97, 1.2, 1.2], [1.0, -1.0, 2.0, -2.0]
    terms = []
    for ratio, gain in zip(ratios, gains, strict=True):
        bounded = min(max(ratio, 0.95), 1.05)
        terms.append(min(ratio * gain, bounded * gain))
    found = clipped_loss(torch.tensor(ratios), torch.tensor(gains), 0.05)
    assert float(found) == pytest.approx(-sum(terms) / 4)


def test_the_probabilities_kept_are_those_of_the_actions_taken() -> None:
    learner = PPOLearner(small_world().problem, SETTINGS, seed=1)
    batch = batch_of(learner)
    with torch.no_grad():
        table = learner.log_probs(batch.states)
    assert table.shape == (64, 7)
    assert torch.allclose(table.exp().sum(dim=1), torch.ones(64), atol=1e-5)
    for row, action in enumerate(batch.actions.tolist()):
        assert float(batch.log_probs[row]) == pytest.approx(float(table[row, action]), abs=1e-5)


def test_one_update_moves_the_weights_as_a_naive_computation_does() -> None:
    learner = PPOLearner(small_world().problem, SETTINGS, seed=1)
    batch = batch_of(learner)
    actor, critic = copy.deepcopy(learner.actor), copy.deepcopy(learner.critic)
    vectors, records = learner._vectors, learner._records
    report = learner.update(batch)

    standard = (batch.states - actor.mean) / actor.scale
    values = critic(standard)[:, 0]
    advantages = batch.rewards - values.detach()
    advantages = (advantages - advantages.mean()) / (advantages.std(unbiased=False) + 1e-8)
    losses, entropies = [], []
    for row in range(64):
        logits = torch.cat(
            [torch.zeros(1), actor(batch.states[row : row + 1], vectors, records)[0]]
        )
        powers = logits.exp()
        chances = 0.9 * powers / powers.sum() + 0.1 / 7
        ratio = chances[batch.actions[row]] / batch.log_probs[row].exp()
        bounded = torch.clamp(ratio, 0.95, 1.05)
        losses.append(-torch.minimum(ratio * advantages[row], bounded * advantages[row]))
        entropies.append(-(chances * chances.log()).sum())
    policy_loss = torch.stack(losses).mean()
    value_loss = ((values - batch.rewards) ** 2).mean()
    loss = policy_loss + 0.5 * value_loss - 0.01 * torch.stack(entropies).mean()
    weights = [*actor.parameters(), *critic.parameters()]
    gradients = list(torch.autograd.grad(loss, weights))
    split = len(list(actor.parameters()))
    for part in (gradients[:split], gradients[split:]):
        norm = math.sqrt(sum(float((g**2).sum()) for g in part))
        for g in part:
            g *= min(1.0, 0.5 / (norm + 1e-6))
    moved = [*learner.actor.parameters(), *learner.critic.parameters()]
    for before, after, gradient in zip(weights, moved, gradients, strict=True):
        step = 3e-3 * gradient / (gradient.abs() + 1e-5)
        torch.testing.assert_close(after, before - step, atol=2e-5, rtol=1e-4)
    assert report.policy_loss == pytest.approx(policy_loss.item(), abs=1e-5)
    assert report.value_loss == pytest.approx(value_loss.item(), rel=1e-4)
    assert report.approx_kl == pytest.approx(0.0, abs=1e-6)
    assert report.clip_fraction == 0.0
