"""Proximal policy optimisation for one-step decisions: which hint, if any, for this session.

Sessions are independent, so the advantage is the reward minus a baseline of the state and nothing
is bootstrapped. Exploration is part of the policy, so the probability of the action taken is the
one that the update uses.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from re2llm.policy.network import NetworkScorer, SetNetwork, Tower
from re2llm.policy.training import Ledger, Point, Problem, Progress, RewardSource, Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What one update did: mean losses and diagnostics over its minibatches."""

    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clip_fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Decisions to learn from.

    Attributes:
        states: (n, features).
        actions: (n,) 0 is no hint, 1 + h is hint h.
        log_probs: (n,) of the actions, when they were taken.
        rewards: (n,) metric with the hint minus without.
    """

    states: Tensor
    actions: Tensor
    log_probs: Tensor
    rewards: Tensor


def action_log_probs(scores: Tensor, exploration: float) -> Tensor:
    """Return the log-probabilities of no hint and of every hint, exploration mixed in.

    Args:
        scores: (n, hints).
        exploration: share of uniform draws over all actions.

    Returns:
        (n, 1 + hints); column 0 is no hint, whose score is 0.
    """
    logits = torch.cat([torch.zeros_like(scores[:, :1]), scores], dim=1)
    if exploration == 0:
        return torch.log_softmax(logits, dim=1)
    uniform = exploration / logits.shape[1]
    return torch.log((1 - exploration) * torch.softmax(logits, dim=1) + uniform)


def clipped_loss(ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """Return PPO's clipped surrogate as a loss, each (n,) (Schulman et al. 2017, equation 7)."""
    bounded = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, bounded * advantages).mean()


@dataclass(frozen=True, slots=True, kw_only=True)
class PPO:
    """The paper's trainer, done right."""

    name: str = "ppo"
    clip: float = 0.05
    """How far a probability ratio may move an update; the paper's."""
    learning_rate: float = 3e-3
    """Of Adam, for actor and critic."""
    batch: int = 250
    """Decisions between two updates."""
    epochs: int = 6
    """Passes over a batch."""
    minibatch: int = 250
    """Decisions per gradient step."""
    entropy_weight: float = 0.003
    """Of the entropy bonus, in units of the normalised advantage."""
    exploration: float = 0.05
    """Share of uniform actions, mixed into the policy."""
    updates: int = 400
    """Updates at most: repeated pairs are free, so calls alone need not end the training."""

    async def train(
        self,
        problem: Problem,
        source: RewardSource,
        *,
        calls: int,
        seed: int,
        progress: Progress | None = None,
    ) -> Trained:
        """Learn until the calls are spent or the updates are done."""
        torch.set_num_threads(1)
        ledger = Ledger(problem, source, calls)
        learner = PPOLearner(problem, self, seed)
        curve: list[Point] = []
        for _ in range(self.updates):
            sessions, actions, log_probs = learner.act()
            rewards = await ledger.pay(sessions, actions - 1)
            known = np.flatnonzero(np.isfinite(rewards))
            if len(known) < 2:
                break
            update = learner.update(
                Batch(
                    states=learner.states[sessions[known]],
                    actions=torch.from_numpy(actions[known]),
                    log_probs=log_probs[known],
                    rewards=torch.from_numpy(rewards[known]).float(),
                )
            )
            point = Point(
                calls=ledger.spent,
                reward=float(rewards[known].mean()),
                hinted=learner.hinted(),
                entropy=update.entropy,
                approx_kl=update.approx_kl,
                clip_fraction=update.clip_fraction,
            )
            curve.append(point)
            if progress is not None:
                progress(point, learner.scorer)
            if ledger.left == 0:
                break
        return Trained(scorer=learner.scorer(), curve=tuple(curve), logged=ledger.logged())


class PPOLearner:
    """Actor, critic and their optimiser."""

    def __init__(self, problem: Problem, settings: PPO, seed: int) -> None:
        """Start untrained."""
        self.settings = settings
        self.states = torch.from_numpy(problem.states)
        self._vectors = torch.from_numpy(problem.hints.vectors)
        self._records = torch.from_numpy(problem.hints.records)
        self.actor = SetNetwork.fitted(self.states, self._vectors, seed)
        self._draws = torch.Generator().manual_seed(seed + 1)
        self.critic = Tower(self.states.shape[1], 1, 0.1, self._draws)
        weights = [*self.actor.parameters(), *self.critic.parameters()]
        self._optimiser = torch.optim.Adam(weights, lr=settings.learning_rate, eps=1e-5)

    def log_probs(self, states: Tensor) -> Tensor:
        """Return (n, 1 + hints) log-probabilities of the acting policy."""
        scores = self.actor(states, self._vectors, self._records)
        return action_log_probs(scores, self.settings.exploration)

    def values(self, states: Tensor) -> Tensor:
        """Return the (n,) baseline."""
        values = self.critic(self.actor.standardised(states))
        assert values.shape == (len(states), 1)  # noqa: S101
        return torch.as_tensor(values[:, 0])

    def act(self) -> tuple[NDArray[np.intp], NDArray[np.int64], Tensor]:
        """Draw sessions and actions; returns both, with the actions' log-probabilities."""
        n = self.settings.batch
        sessions = torch.randint(len(self.states), (n,), generator=self._draws)
        with torch.no_grad():
            log_probs = self.log_probs(self.states[sessions])
        actions = torch.multinomial(log_probs.exp(), 1, generator=self._draws)
        taken = log_probs.gather(1, actions)[:, 0]
        return sessions.numpy().astype(np.intp), actions[:, 0].numpy(), taken

    def update(self, batch: Batch) -> Update:
        """Take the batch's gradient steps."""
        with torch.no_grad():
            raw = batch.rewards - self.values(batch.states)
            advantages = (raw - raw.mean()) / (raw.std(unbiased=False) + 1e-8)
        notes: list[tuple[float, ...]] = []
        for _ in range(self.settings.epochs):
            order = torch.randperm(len(batch.actions), generator=self._draws)
            parts = torch.split(order, self.settings.minibatch)
            notes.extend(self._step(batch, advantages, part) for part in parts)
        policy_loss, value_loss, entropy, kl, clipped = np.mean(notes, axis=0).tolist()
        return Update(
            policy_loss=policy_loss,
            value_loss=value_loss,
            entropy=entropy,
            approx_kl=kl,
            clip_fraction=clipped,
        )

    def _step(self, batch: Batch, advantages: Tensor, part: Tensor) -> tuple[float, ...]:
        table = self.log_probs(batch.states[part])
        taken = table.gather(1, batch.actions[part, None])[:, 0]
        difference = taken - batch.log_probs[part]
        ratio = difference.exp()
        policy_loss = clipped_loss(ratio, advantages[part], self.settings.clip)
        value_loss = (self.values(batch.states[part]) - batch.rewards[part]).square().mean()
        entropy = -(table.exp() * table).sum(dim=1).mean()
        loss = policy_loss + 0.5 * value_loss - self.settings.entropy_weight * entropy
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.actor.parameters(), 0.5)
        nn.utils.clip_grad_norm_(self.critic.parameters(), 0.5)
        self._optimiser.step()
        with torch.no_grad():
            kl = (ratio - 1 - difference).mean()
            clipped = ((ratio - 1).abs() > self.settings.clip).float().mean()
        return (
            policy_loss.item(),
            value_loss.item(),
            entropy.item(),
            kl.item(),
            clipped.item(),
        )

    def hinted(self) -> float:
        """Return the share of training sessions whose best action is a hint."""
        with torch.no_grad():
            scores = self.actor(self.states, self._vectors, self._records)
        return float((scores.max(dim=1).values > 0).float().mean())

    def scorer(self) -> NetworkScorer:
        """Return a copy of the actor that training does not touch."""
        return NetworkScorer(copy.deepcopy(self.actor), predicts_gain=False)
