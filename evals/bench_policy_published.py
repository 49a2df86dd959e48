"""The trainer as it was published, faults and all, in our own words: the line to be above.

What it does wrong, on purpose: the softmax runs over the batch, so a single state's actions are
uniform; exploration replaces an action and keeps the other one's log-probability; independent
sessions are chained by generalised advantage estimation; and nothing is cached, so every step is a
call.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.hint_side import HintSide
from re2llm.policy.network import Tower
from re2llm.policy.training import (
    Logged,
    Point,
    Problem,
    Progress,
    RewardSource,
    Trained,
)


class HeadScorer:
    """A fixed head of one logit per action; judged by its largest logit, which flatters it."""

    kind = "published head"
    predicts_gain = False

    def __init__(self, actor: Tower, problem: Problem) -> None:
        """Copy the actor's answers for any state."""
        self._weights = {name: value.clone() for name, value in actor.state_dict().items()}
        self.features = problem.states.shape[1]
        self.dim = problem.hints.vectors.shape[1]
        self._actions = 1 + len(problem.hints)

    def known(self) -> tuple[str, ...]:
        """Return nothing; it is never saved."""
        return ()

    def scores(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        """Return (sessions, hints) logits over that of no hint."""
        actor = Tower(self.features, self._actions, 1.0, torch.Generator())
        actor.load_state_dict(self._weights)
        with torch.inference_mode():
            logits = actor(torch.from_numpy(states)).double().numpy()
        assert logits.shape == (len(states), 1 + len(hints))  # noqa: S101
        return np.asarray(logits[:, 1:] - logits[:, :1])

    def spreads(
        self,
        states: NDArray[np.float32],  # noqa: ARG002
        hints: HintSide,  # noqa: ARG002
        picks: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        """Return zeros."""
        return np.zeros(picks.shape)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the weights."""
        return self._weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """PPO with the published faults."""

    name: str = "ppo as published"
    clip: float = 0.05
    gamma: float = 0.999
    trace: float = 0.95
    learning_rate: float = 1e-3
    batch: int = 250
    epochs: int = 8
    minibatch: int = 125
    replaced: float = 0.1
    """Share of actions replaced by random ones."""

    async def train(
        self,
        problem: Problem,
        source: RewardSource,
        *,
        calls: int,
        seed: int,
        progress: Progress | None = None,
    ) -> Trained:
        """Take `calls` steps."""
        torch.set_num_threads(1)
        draws = torch.Generator().manual_seed(seed)
        states = torch.from_numpy(problem.states)
        actions = 1 + len(problem.hints)
        actor = Tower(states.shape[1], actions, 0.01, draws)
        critic = Tower(states.shape[1], 1, 1.0, draws)
        weights = [*actor.parameters(), *critic.parameters()]
        optimiser = torch.optim.Adam(weights, lr=self.learning_rate)
        spent, curve = 0, []
        while spent < calls:
            n = min(self.batch, calls - spent)
            sessions = torch.randint(len(states), (n,), generator=draws)
            with torch.no_grad():
                acting = torch.stack([_law(actor(states[s : s + 1]))[0] for s in sessions])
                sampled = torch.multinomial(acting, 1, generator=draws)[:, 0]
                log_probs = acting.log().gather(1, sampled[:, None])[:, 0]
                values = critic(states[sessions])[:, 0]
            random = torch.randint(actions, (n,), generator=draws)
            taken = torch.where(torch.rand(n, generator=draws) < self.replaced, random, sampled)
            pairs = [
                (int(s), problem.hints.ids[int(a) - 1] if a > 0 else None)
                for s, a in zip(sessions, taken, strict=True)
            ]
            rewards = torch.from_numpy(await source.rewards(pairs)).float()
            spent += n
            advantages = self._chained(rewards, values)
            returns = advantages + values
            for _ in range(self.epochs):
                for part in torch.split(torch.randperm(n, generator=draws), self.minibatch):
                    law = _law(actor(states[sessions[part]]))
                    new = law.log().gather(1, taken[part, None])[:, 0]
                    ratio = (new - log_probs[part]).exp()
                    gains = advantages[part]
                    bounded = ratio.clamp(1 - self.clip, 1 + self.clip)
                    loss = -torch.minimum(ratio * gains, bounded * gains).mean()
                    loss = (
                        loss
                        + (critic(states[sessions[part]])[:, 0] - returns[part]).square().mean()
                    )
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
            curve.append(Point(calls=spent, reward=float(rewards.mean()), hinted=float("nan")))
            if progress is not None:
                progress(curve[-1], lambda: HeadScorer(actor, problem))
        nothing = np.zeros(0, dtype=np.intp)
        logged = Logged(sessions=nothing, hints=nothing, rewards=np.zeros(0))
        return Trained(scorer=HeadScorer(actor, problem), curve=tuple(curve), logged=logged)

    def _chained(self, rewards: Tensor, values: Tensor) -> Tensor:
        """Return advantages that wrongly run on from one session into the next."""
        advantages = torch.zeros_like(rewards)
        ahead = torch.zeros(())
        for step in range(len(rewards) - 1, -1, -1):
            following = values[step + 1] if step + 1 < len(rewards) else torch.zeros(())
            surprise = rewards[step] + self.gamma * following - values[step]
            ahead = surprise + self.gamma * self.trace * ahead
            advantages[step] = ahead
        return (advantages - advantages.mean()) / (advantages.std(unbiased=False) + 1e-8)


def _law(logits: Tensor) -> Tensor:
    """Return the published law of actions: softmax over the batch, then made to sum to one."""
    spread = torch.softmax(logits, dim=0)
    return torch.as_tensor(spread / spread.sum(dim=1, keepdim=True))
