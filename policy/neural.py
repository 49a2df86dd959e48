"""Neural Thompson sampling: each network of an ensemble asks for what it believes is best.

The networks start apart and see the logged rewards with noise of their own added (as in randomised
least-squares value iteration, Osband et al. 2016), so that they agree only where rewards make them.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.ensemble import EnsembleScorer
from re2llm.policy.network import SetNetwork
from re2llm.policy.training import Ledger, Point, Problem, Progress, RewardSource, Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuralThompson:
    """An ensemble of set networks that regresses rewards."""

    name: str = "neural thompson"
    networks: int = 5
    """Members of the ensemble."""
    learning_rate: float = 3e-3
    """Of AdamW."""
    decay: float = 0.03
    """Weight decay of AdamW."""
    steps: int = 60
    """Gradient steps of each network per round."""
    minibatch: int = 256
    """Rewards per gradient step."""
    first: int = 200
    """Uniform calls before the first belief."""
    growth: float = 0.08
    """Calls of a round as a share of those paid so far."""
    least: int = 50
    """Calls of a round at least."""

    async def train(
        self,
        problem: Problem,
        source: RewardSource,
        *,
        calls: int,
        seed: int,
        progress: Progress | None = None,
    ) -> Trained:
        """Learn until the calls are spent."""
        torch.set_num_threads(1)
        ledger = Ledger(problem, source, calls)
        members = _Members(problem, self, seed)
        curve: list[Point] = []
        while ledger.left:
            fresh = ledger.spent == 0
            size = self.first if fresh else max(self.least, int(self.growth * ledger.spent))
            pairs = members.ask(ledger.asked, min(size, ledger.left), uniform=fresh)
            rewards = await ledger.pay(pairs[:, 0], pairs[:, 1])
            members.learn(ledger.table)
            known = rewards[np.isfinite(rewards)]
            point = Point(
                calls=ledger.spent,
                reward=float(known.mean()) if len(known) else float("nan"),
                hinted=members.hinted(),
            )
            curve.append(point)
            if progress is not None:
                progress(point, members.scorer)
        return Trained(scorer=members.scorer(), curve=tuple(curve), logged=ledger.logged())


class _Members:
    def __init__(self, problem: Problem, settings: NeuralThompson, seed: int) -> None:
        self._settings = settings
        self._draws = torch.Generator().manual_seed(seed)
        self._states = torch.from_numpy(problem.states)
        self._vectors = torch.from_numpy(problem.hints.vectors)
        self._records = torch.from_numpy(problem.hints.records)
        self._networks = [
            SetNetwork.fitted(self._states, self._vectors, 1000 * seed + number)
            for number in range(settings.networks)
        ]
        self._optimisers = [
            torch.optim.AdamW(
                n.parameters(), lr=settings.learning_rate, weight_decay=settings.decay
            )
            for n in self._networks
        ]
        size = (settings.networks, len(problem.states), len(problem.hints))
        self._noise = torch.randn(size, generator=self._draws) * 0.5
        self._unit = 1.0

    def ask(self, asked: NDArray[np.bool_], n: int, *, uniform: bool) -> NDArray[np.intp]:
        """Return n new (session, hint): each session asks by a network drawn for it."""
        pairs = np.zeros((0, 2), dtype=np.intp)
        open_pairs = ~asked
        if not uniform:
            scores = self._scores().numpy()
            chosen: list[tuple[int, int]] = []
            order = torch.randperm(len(self._states), generator=self._draws).tolist()
            for session in order:
                member = int(torch.randint(len(scores), (1,), generator=self._draws))
                hint = int(scores[member, session].argmax())
                if scores[member, session, hint] > 0 and open_pairs[session, hint]:
                    chosen.append((session, hint))
            pairs = np.array(chosen[:n], dtype=np.intp).reshape(-1, 2)
            open_pairs[pairs[:, 0], pairs[:, 1]] = False
        rest = np.argwhere(open_pairs)
        drawn = torch.randperm(len(rest), generator=self._draws)[: n - len(pairs)].numpy()
        return np.concatenate([pairs, rest[drawn]])

    def learn(self, table: NDArray[np.float64]) -> None:
        """Take gradient steps on the (sessions, hints) rewards; NaN is unknown."""
        sessions, hints = (torch.from_numpy(part) for part in np.nonzero(np.isfinite(table)))
        if not len(sessions):
            return
        rewards = torch.from_numpy(table)[sessions, hints].float()
        self._unit = max(float(rewards.square().mean().sqrt()), 1e-6)
        for number, network in enumerate(self._networks):
            targets = rewards / self._unit + self._noise[number, sessions, hints]
            for _ in range(self._settings.steps):
                part = torch.randint(
                    len(sessions), (self._settings.minibatch,), generator=self._draws
                )
                scores = network(self._states[sessions[part]], self._vectors, self._records)
                mine = scores.gather(1, hints[part, None])[:, 0]
                loss = (mine - targets[part]).square().mean()
                self._optimisers[number].zero_grad()
                loss.backward()
                self._optimisers[number].step()

    def hinted(self) -> float:
        """Return the share of training sessions whose best action is a hint."""
        return float((self._scores().mean(dim=0).max(dim=1).values > 0).float().mean())

    def scorer(self) -> EnsembleScorer:
        """Return copies that training does not touch."""
        return EnsembleScorer([copy.deepcopy(n) for n in self._networks], self._unit)

    def _scores(self) -> Tensor:
        with torch.inference_mode():
            return torch.stack(
                [n(self._states, self._vectors, self._records) for n in self._networks]
            )
