"""What is believed of every hint's effect, given the rewards that were paid for.

gain(s, h) = sum over groups j of psi_j(s) . W_j[h], with W_j Gaussian across hints by the mixture
of hint kernels that group j has. Mean and variance are exact, by one Cholesky factor.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from re2llm.policy.evidence import Variances

_JITTER = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """A Gaussian over all weights.

    Attributes:
        mean: (hints, size) float64, size the sum of the groups' sizes.
        factor: (hints * size, hints * size) lower Cholesky factor of the precision.
        evidence: how much better the rewards are explained with these effects than by noise
            alone, in nats: the logarithm of the Bayes factor.
        likelihood: logarithm of the rewards' marginal likelihood, up to a constant per reward.
    """

    mean: Tensor
    factor: Tensor
    evidence: float
    likelihood: float

    def draw(self, n: int, draws: torch.Generator) -> Tensor:
        """Return (n, hints, size) samples of the weights."""
        noise = torch.randn(len(self.factor), n, generator=draws, dtype=torch.float64)
        away = torch.linalg.solve_triangular(self.factor.T, noise, upper=True)
        return torch.as_tensor(self.mean + away.T.reshape(n, *self.mean.shape))

    def blocks(self) -> Tensor:
        """Return (hints, size, size), each hint's own covariance."""
        hints, size = self.mean.shape
        whole = torch.cholesky_inverse(self.factor).reshape(hints, size, hints, size)
        return torch.stack([whole[h, :, h, :] for h in range(hints)])


def prior_covariances(variances: Variances, kernels: Tensor) -> Tensor:
    """Return (groups, hints, hints): how a group's weights go together across hints."""
    mixed = torch.einsum("jc,cgh->jgh", variances.effects, kernels)
    scale = mixed.diagonal(dim1=1, dim2=2).mean(dim=1)
    eye = torch.eye(kernels.shape[1], dtype=torch.float64)
    return mixed + (_JITTER * scale + 1e-12)[:, None, None] * eye


def infer(
    numbers: Tensor,
    sizes: list[int],
    sessions: Tensor,
    hints: Tensor,
    rewards: Tensor,
    variances: Variances,
    kernels: Tensor,
) -> Posterior:
    """Return the posterior.

    Args:
        numbers: (n, size) of each reward's session, all groups side by side.
        sizes: of the groups.
        sessions: (n,) which session each reward is of; rewards of one session share an unknown
            part, of variance `variances.session`.
        hints: (n,) the column of each reward's hint.
        rewards: (n,) float64.
        variances: as the evidence has them.
        kernels: (components, hints, hints).
    """
    size, count = numbers.shape[1], kernels.shape[1]
    precision = torch.zeros(count, size, count, size, dtype=torch.float64)
    at, log_prior = 0, 0.0
    for covariance, width in zip(prior_covariances(variances, kernels), sizes, strict=True):
        root = torch.linalg.cholesky(covariance)
        inverse = torch.cholesky_inverse(root)
        log_prior += width * _log_determinant(root)
        for column in range(at, at + width):
            precision[:, column, :, column] = inverse
        at += width
    pulled = torch.zeros(count, size, dtype=torch.float64)
    for hint in torch.unique(hints).tolist():
        mine = hints == hint
        own = numbers[mine]
        precision[hint, :, hint, :] += own.T @ own / variances.noise
        pulled[hint] = own.T @ rewards[mine] / variances.noise
    shared = _Shared.over(numbers, sessions, hints, rewards, count, variances)
    precision = precision.reshape(count * size, count * size) - shared.precision
    factor = torch.linalg.cholesky(precision)
    pulled = pulled.reshape(-1, 1) - shared.pulled
    mean = torch.cholesky_solve(pulled, factor)
    squares, n = float(rewards @ rewards) - shared.squares, len(rewards)
    unexplained = squares / variances.noise - float((pulled * mean).sum())
    with_effects = (
        unexplained + _log_determinant(factor) + log_prior + n * math.log(variances.noise)
    )
    noise_alone = n + n * math.log(max(squares / n, 1e-12))
    mean = mean.reshape(count, size)
    return Posterior(
        mean=mean,
        factor=factor,
        evidence=(noise_alone - with_effects) / 2,
        likelihood=-(with_effects + shared.log_determinant) / 2,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What the part that a session's rewards share takes away, as if each stood for itself.

    With m rewards of a session, the inverse of noise * I + session * 11' is
    (I - c 11') / noise, where c = session / (noise + m session).
    """

    precision: Tensor
    pulled: Tensor
    squares: float
    log_determinant: float

    @classmethod
    def over(
        cls,
        numbers: Tensor,
        sessions: Tensor,
        hints: Tensor,
        rewards: Tensor,
        count: int,
        variances: Variances,
    ) -> "_Shared":
        _, places, many = torch.unique(sessions, return_inverse=True, return_counts=True)
        shrink = variances.session / (variances.noise + many * variances.session)
        rows = torch.zeros(len(many), count, numbers.shape[1], dtype=torch.float64)
        rows.index_put_((places, hints), numbers, accumulate=True)
        rows = rows.reshape(len(many), -1)
        sums = torch.zeros(len(many), dtype=torch.float64).index_add_(0, places, rewards)
        weighed = rows * shrink[:, None]
        return cls(
            precision=weighed.T @ rows / variances.noise,
            pulled=(weighed.T @ sums[:, None]) / variances.noise,
            squares=float((shrink * sums.square()).sum()),
            log_determinant=float((many * (variances.session / variances.noise)).log1p().sum()),
        )


def _log_determinant(factor: Tensor) -> float:
    return 2 * float(factor.diagonal().log().sum())
