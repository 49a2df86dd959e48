"""How large each effect is and how noisy rewards are: variance components by maximum likelihood.

Rewards are modelled as a sum of Gaussian effects, one for each session kernel times hint kernel,
plus noise. Their variances are found by the monotone updates of Zhou, Hu, Qiao and Lange (2019,
"MM algorithms for variance components models"): each is multiplied by the root of what the data
show of the effect over what the model expects. An effect that is not there goes to zero, which is
what keeps a policy quiet where no hint helps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST = 1e-10
_QUIETEST = 1e-3
"""Noise at least, as a share of the rewards' mean square; without any, nothing can be solved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variances:
    """Variance components, in squared units of the reward.

    Attributes:
        effects: (groups, components).
        noise: of one reward around its expectation.
        session: of what all rewards of one session share, whatever the hint, and no feature tells:
            where a model's order is mixed into the slate at all, some sessions gain and some lose.
    """

    effects: Tensor
    noise: float
    session: float = 0.0


def first_guess(rewards: Tensor, groups: int, components: int) -> Variances:
    """Split the rewards' variance: half effects, a third noise, the rest shared by sessions."""
    total = max(float(rewards.square().mean()), 1e-6)
    effects = torch.full((groups, components), total / 2 / (groups * components))
    return Variances(effects=effects.double(), noise=total / 3, session=total / 6)


def fit_variances(
    parts: Sequence[Tensor],
    kernels: Tensor,
    sessions: Tensor,
    hints: Tensor,
    rewards: Tensor,
    start: Variances,
    iterations: int,
    *,
    block: int = 500,
) -> Variances:
    """Climb the marginal likelihood of logged rewards.

    Many rewards are taken in blocks, as if rewards of different blocks had nothing in common: a
    composite likelihood, whose cost grows with the rewards and not with their cube.

    Args:
        parts: per group, (n, size) numbers of each reward's session.
        kernels: (components, hints, hints).
        sessions: (n,) which session each reward is of.
        hints: (n,) the column of each reward's hint.
        rewards: (n,) float64, in no particular order.
        start: where to climb from.
        iterations: steps, each of the order of n x block squared.
        block: rewards that are looked at together.
    """
    blocks = [
        _Block.over(
            [part[rows] for part in parts],
            sessions[rows],
            hints[rows],
            rewards[rows],
            kernels.shape[1],
        )
        for rows in torch.split(torch.arange(len(rewards)), block)
    ]
    quietest = max(_QUIETEST * float(rewards.square().mean()), 1e-7)
    found = start
    for _ in range(iterations):
        seen = [one.compare(found, kernels) for one in blocks]
        shown, expected = (torch.stack(side).sum(dim=0) for side in zip(*seen, strict=True))
        ratio = (shown / expected.clamp(min=_LEAST)).clamp(min=0).sqrt()
        found = Variances(
            effects=(found.effects * ratio[2:].reshape(found.effects.shape)).clamp(min=_LEAST),
            noise=max(found.noise * float(ratio[0]), quietest),
            session=max(found.session * float(ratio[1]), 1e-9),
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Rewards that are looked at together, sorted by hint."""

    parts: Sequence[Tensor]
    session_kernels: Sequence[Tensor]
    same: Tensor
    hints: Tensor
    counts: Tensor
    rewards: Tensor

    @classmethod
    def over(
        cls,
        parts: Sequence[Tensor],
        sessions: Tensor,
        hints: Tensor,
        rewards: Tensor,
        count: int,
    ) -> "_Block":
        order = torch.argsort(hints, stable=True)
        parts = [part[order] for part in parts]
        sessions = sessions[order]
        return cls(
            parts=parts,
            session_kernels=[part @ part.T for part in parts],
            same=(sessions[:, None] == sessions[None, :]).double(),
            hints=hints[order],
            counts=torch.bincount(hints, minlength=count),
            rewards=rewards[order],
        )

    def compare(self, now: Variances, kernels: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the rewards show, and what is expected: noise, session, then each effect."""
        mixed = torch.einsum("jc,cgh->jgh", now.effects, kernels)
        covariance = now.session * self.same
        covariance += torch.diag(torch.full_like(self.rewards, now.noise))
        for group, session_kernel in enumerate(self.session_kernels):
            covariance += session_kernel * mixed[group][self.hints][:, self.hints]
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(covariance))
        weights = inverse @ self.rewards
        shown = [weights @ weights, weights @ self.same @ weights]
        expected = [torch.trace(inverse), (inverse * self.same).sum()]
        for part, session_kernel in zip(self.parts, self.session_kernels, strict=True):
            summed = torch.zeros(len(self.counts), part.shape[1], dtype=torch.float64)
            summed.index_add_(0, self.hints, weights[:, None] * part)
            shown.extend((kernels * (summed @ summed.T)).sum(dim=(1, 2)))
            sums = _block_sums(inverse * session_kernel, self.counts)
            expected.extend((kernels * sums).sum(dim=(1, 2)))
        return torch.stack(shown), torch.stack(expected)


def _block_sums(matrix: Tensor, counts: Tensor) -> Tensor:
    """Sum a matrix, whose rows and columns are sorted by hint, over each pair of hints."""
    edges = torch.cat([torch.zeros(1, dtype=torch.long), torch.cumsum(counts, dim=0)])
    rows = torch.cat([matrix.new_zeros(1, matrix.shape[1]), matrix.cumsum(dim=0)])[edges]
    strips = rows[1:] - rows[:-1]
    columns = torch.cat([strips.new_zeros(len(strips), 1), strips.cumsum(dim=1)], dim=1)[:, edges]
    return columns[:, 1:] - columns[:, :-1]
