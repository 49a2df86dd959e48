import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from re2llm.policy.evidence import Variances, first_guess, fit_variances
from re2llm.policy.posterior import infer, prior_covariances

HINTS, SIZES, ROWS = 4, [1, 3], 40


def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, Variances]:
    draws = torch.Generator().manual_seed(0)
    numbers = torch.randn(ROWS, 4, generator=draws, dtype=torch.float64)
    numbers[:, 0] = 1
    hints = torch.randint(HINTS, (ROWS,), generator=draws)
    rewards = torch.randn(ROWS, generator=draws, dtype=torch.float64) * 0.3 + numbers[:, 1]
    root = torch.randn(HINTS, 2, generator=draws, dtype=torch.float64)
    kernels = torch.stack([root @ root.T, torch.eye(HINTS, dtype=torch.float64)])
    effects = torch.tensor([[0.1, 0.2], [0.3, 0.5]], dtype=torch.float64)
    return numbers, hints, rewards, kernels, Variances(effects=effects, noise=0.2)


def covariance_of(
    numbers: torch.Tensor, hints: torch.Tensor, kernels: torch.Tensor, variances: Variances
) -> torch.Tensor:
    prior = prior_covariances(variances, kernels)
    groups = numbers.split(SIZES, dim=1)
    return sum(
        ((part @ part.T) * prior[group][hints][:, hints] for group, part in enumerate(groups)),
        start=torch.zeros(len(hints), len(hints), dtype=torch.float64),
    )


def test_the_posterior_is_that_of_the_gaussian_process() -> None:
    numbers, hints, rewards, kernels, variances = case()
    found = infer(numbers, SIZES, hints, rewards, variances, kernels)
    joint = covariance_of(numbers, hints, kernels, variances)
    noisy = joint + variances.noise * torch.eye(ROWS, dtype=torch.float64)
    mean = joint @ torch.linalg.solve(noisy, rewards)
    variance = (joint - joint @ torch.linalg.solve(noisy, joint)).diagonal()
    torch.testing.assert_close((numbers * found.mean[hints]).sum(dim=1), mean)
    blocks = found.blocks()[hints]
    spread = torch.einsum("ni,nij,nj->n", numbers, blocks, numbers)
    torch.testing.assert_close(spread, variance)


def test_the_evidence_is_the_ratio_of_two_likelihoods() -> None:
    numbers, hints, rewards, kernels, variances = case()
    found = infer(numbers, SIZES, hints, rewards, variances, kernels)
    joint = covariance_of(numbers, hints, kernels, variances).numpy()
    with_effects = multivariate_normal.logpdf(
        rewards.numpy(), np.zeros(ROWS), joint + variances.noise * np.eye(ROWS)
    )
    level = float((rewards**2).mean())
    noise_alone = multivariate_normal.logpdf(rewards.numpy(), np.zeros(ROWS), level * np.eye(ROWS))
    assert found.evidence == pytest.approx(float(with_effects - noise_alone), rel=1e-6)


def test_draws_have_the_posterior_mean_and_covariance() -> None:
    numbers, hints, rewards, kernels, variances = case()
    found = infer(numbers, SIZES, hints, rewards, variances, kernels)
    drawn = found.draw(20000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.mean(dim=0), found.mean, atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(drawn[:, 2].T), found.blocks()[2], atol=0.02, rtol=0.05)


def test_every_step_on_the_variances_makes_the_rewards_likelier() -> None:
    numbers, hints, rewards, kernels, _ = case()
    parts = list(numbers.split(SIZES, dim=1))
    variances = first_guess(rewards, 2, 2)
    likelihoods = []
    for _ in range(8):
        joint = sum(
            (
                (part @ part.T) * torch.einsum("c,cgh->gh", effect, kernels)[hints][:, hints]
                for part, effect in zip(parts, variances.effects, strict=True)
            ),
            start=variances.noise * torch.eye(ROWS, dtype=torch.float64),
        )
        likelihoods.append(multivariate_normal.logpdf(rewards.numpy(), cov=joint.numpy()))
        variances = fit_variances(parts, kernels, hints, rewards, variances, 1)
    assert np.diff(likelihoods).min() > 0


def test_planted_variances_are_found() -> None:
    draws = torch.Generator().manual_seed(2)
    rows, hints = 600, 10
    numbers = torch.randn(rows, 8, generator=draws, dtype=torch.float64) / 8**0.5
    column = torch.randint(hints, (rows,), generator=draws)
    weights = torch.randn(hints, 8, generator=draws, dtype=torch.float64)
    noise = torch.randn(rows, generator=draws, dtype=torch.float64)
    rewards = (numbers * weights[column]).sum(dim=1) + 0.5 * noise
    kernels = torch.stack([torch.ones(hints, hints), torch.eye(hints)]).double()
    start = first_guess(rewards, 1, 2)
    found = fit_variances([numbers], kernels, column, rewards, start, 60)
    assert found.noise == pytest.approx(0.25, rel=0.15)
    assert float(found.effects[0, 1]) == pytest.approx(1.0, rel=0.3)
    assert float(found.effects[0, 0]) < 0.2
