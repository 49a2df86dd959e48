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


@dataclass(frozen=True, slots=True, kw_only=True)
class Variances:
    """Variance components, in squared units of the reward.

    Attributes:
        effects: (groups, components).
        noise: of one reward around its expectation.
    """

    effects: Tensor
    noise: float


def first_guess(rewards: Tensor, groups: int, components: int) -> Variances:
    """Split the rewards' variance into equal parts: half noise, half effects."""
    total = max(float(rewards.square().mean()), 1e-6)
    effects = torch.full((groups, components), total / 2 / (groups * components))
    return Variances(effects=effects.double(), noise=total / 2)


def fit_variances(
    parts: Sequence[Tensor],
    kernels: Tensor,
    hints: Tensor,
    rewards: Tensor,
    start: Variances,
    iterations: int,
) -> Variances:
    """Climb the marginal likelihood of logged rewards.

    Args:
        parts: per group, (n, size) numbers of each reward's session.
        kernels: (components, hints, hints).
        hints: (n,) the column of each reward's hint.
        rewards: (n,) float64.
        start: where to climb from.
        iterations: steps, each of the order of n cubed.
    """
    order = torch.argsort(hints, stable=True)
    hints, rewards = hints[order], rewards[order]
    parts = [part[order] for part in parts]
    session_kernels = [part @ part.T for part in parts]
    counts = torch.bincount(hints, minlength=kernels.shape[1])
    effects, noise = start.effects.clone(), start.noise
    for _ in range(iterations):
        covariance = torch.diag(torch.full_like(rewards, noise))
        for group, session_kernel in enumerate(session_kernels):
            mixed = torch.einsum("c,cgh->gh", effects[group], kernels)
            covariance += session_kernel * mixed[hints][:, hints]
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(covariance))
        weights = inverse @ rewards
        for group, session_kernel in enumerate(session_kernels):
            expected = _block_sums(inverse * session_kernel, counts)
            summed = torch.zeros(len(counts), parts[group].shape[1], dtype=torch.float64)
            summed.index_add_(0, hints, weights[:, None] * parts[group])
            shown = summed @ summed.T
            ratio = (kernels * shown).sum(dim=(1, 2)) / (
                (kernels * expected).sum(dim=(1, 2)).clamp(min=_LEAST)
            )
            effects[group] *= ratio.clamp(min=0).sqrt()
        effects.clamp_(min=_LEAST)
        noise *= float((weights @ weights / torch.trace(inverse)).sqrt())
        noise = max(noise, 1e-7)
    return Variances(effects=effects, noise=noise)


def _block_sums(matrix: Tensor, counts: Tensor) -> Tensor:
    """Sum a matrix, whose rows and columns are sorted by hint, over each pair of hints."""
    edges = torch.cat([torch.zeros(1, dtype=torch.long), torch.cumsum(counts, dim=0)])
    rows = torch.cat([matrix.new_zeros(1, matrix.shape[1]), matrix.cumsum(dim=0)])[edges]
    strips = rows[1:] - rows[:-1]
    columns = torch.cat([strips.new_zeros(len(strips), 1), strips.cumsum(dim=1)], dim=1)[:, edges]
    return columns[:, 1:] - columns[:, :-1]
