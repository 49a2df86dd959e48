"""One PPO update of ours and of Stable-Baselines3, on the same batch and weights."""

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from policy_helpers import small_world

from re2llm.policy.ppo import PPO, Batch, PPOLearner

REASON = "stable-baselines3 is not installed; it comes with the `dev` extra"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    sb3 = pytest.importorskip("stable_baselines3", reason=REASON)
    gymnasium = pytest.importorskip("gymnasium", reason=REASON)

N = 64
SETTINGS = PPO(epochs=1, minibatch=N, batch=N, exploration=0.1, entropy_weight=0.01)


class Nowhere(gymnasium.Env):  # type: ignore[misc]
    """Says the shapes alone; it is never stepped."""

    def __init__(self, features: int, actions: int) -> None:
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (features,))
        self.action_space = gymnasium.spaces.Discrete(actions)


class Theirs(sb3.common.policies.ActorCriticPolicy):  # type: ignore[misc]
    """Our networks, as Stable-Baselines3 drives them."""

    def __init__(self, *args: Any, learner: PPOLearner, **more: Any) -> None:
        self.learner = learner
        super().__init__(*args, **more)

    def _build(self, lr_schedule: Any) -> None:
        self.actor, self.critic = self.learner.actor, self.learner.critic
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr_schedule(1), eps=1e-5)

    def evaluate_actions(self, obs: torch.Tensor, actions: torch.Tensor) -> Any:
        table = self.learner.log_probs(obs)
        law = torch.distributions.Categorical(logits=table)
        return self.learner.values(obs)[:, None], law.log_prob(actions), law.entropy()


def batch_of(learner: PPOLearner) -> Batch:
    """Draw a batch whose kept probabilities differ from today's, so that clipping happens."""
    sessions, actions, log_probs = learner.act()
    draws = torch.Generator().manual_seed(3)
    return Batch(
        states=learner.states[sessions],
        actions=torch.from_numpy(actions),
        log_probs=log_probs + 0.05 * torch.randn(N, generator=draws),
        rewards=torch.randn(N, generator=draws),
    )


def their_update(learner: PPOLearner, batch: Batch) -> dict[str, float]:
    """Let Stable-Baselines3 take one step; leaves its gradients on the learner's networks."""
    values = learner.values(batch.states).detach()
    raw = batch.rewards - values
    advantages = (raw - raw.mean()) / (raw.std(unbiased=False) + 1e-8)
    model = sb3.PPO(
        Theirs,
        Nowhere(batch.states.shape[1], 7),
        policy_kwargs={"learner": learner},
        learning_rate=SETTINGS.learning_rate,
        n_steps=N,
        batch_size=N,
        n_epochs=1,
        clip_range=SETTINGS.clip,
        ent_coef=SETTINGS.entropy_weight,
        vf_coef=0.5,
        max_grad_norm=1e9,
        normalize_advantage=False,
        device="cpu",
    )
    buffer = model.rollout_buffer
    for row in range(N):
        buffer.add(
            batch.states[row].numpy()[None],
            batch.actions[row].numpy()[None],
            np.zeros(1),
            np.ones(1),
            values[row : row + 1],
            batch.log_probs[row : row + 1],
        )
    buffer.advantages = advantages.numpy()[:, None].copy()
    buffer.returns = batch.rewards.numpy()[:, None].copy()
    logger = sb3.common.logger.Logger(folder=None, output_formats=[])
    model.set_logger(logger)
    model.train()
    return dict(logger.name_to_value)


@pytest.mark.filterwarnings("ignore")
def test_losses_and_gradients_are_those_of_stable_baselines3() -> None:
    ours = PPOLearner(small_world().problem, SETTINGS, seed=1)
    theirs = copy.deepcopy(ours)
    batch = batch_of(ours)
    report = ours.update(batch)
    told = their_update(theirs, batch)

    assert report.clip_fraction > 0.1
    assert report.policy_loss == pytest.approx(told["train/policy_gradient_loss"], abs=1e-5)
    assert report.value_loss == pytest.approx(told["train/value_loss"], rel=1e-5)
    assert report.entropy == pytest.approx(-told["train/entropy_loss"], rel=1e-5)
    assert report.approx_kl == pytest.approx(told["train/approx_kl"], abs=1e-6)
    assert report.clip_fraction == pytest.approx(told["train/clip_fraction"])
    for own, other in ((ours.actor, theirs.actor), (ours.critic, theirs.critic)):
        gradients = [p.grad for p in other.parameters() if p.grad is not None]
        norm = torch.sqrt(sum(((g**2).sum() for g in gradients), torch.zeros(())))
        shrink = min(1.0, 0.5 / (float(norm) + 1e-6))
        found = [p.grad for p in own.parameters()]
        assert len(gradients) == len(found) > 0
        for mine, theirs_ in zip(found, gradients, strict=True):
            torch.testing.assert_close(mine, shrink * theirs_, atol=1e-6, rtol=1e-4)
