from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from re2llm.policy.evidence import Variances, first_guess, fit_variances
from re2llm.policy.posterior import Posterior, infer, prior_covariances

HINTS, SIZES, ROWS, SESSIONS = 4, [1, 3], 40, 15


class Case(NamedTuple):
    numbers: torch.Tensor
    sessions: torch.Tensor
    hints: torch.Tensor
    rewards: torch.Tensor
    kernels: torch.Tensor
    variances: Variances

    def covariance(self, variances: Variances | None = None) -> torch.Tensor:
        """Return the rewards' covariance, without their own noise."""
        given = variances or self.variances
        prior = prior_covariances(given, self.kernels)
        covariance = given.session * (self.sessions[:, None] == self.sessions).double()
        for group, part in enumerate(self.numbers.split(SIZES, dim=1)):
            covariance += (part @ part.T) * prior[group][self.hints][:, self.hints]
        return covariance

    def infer(self) -> Posterior:
        return infer(
            self.numbers,
            SIZES,
            self.sessions,
            self.hints,
            self.rewards,
            self.variances,
            self.kernels,
        )


def case() -> Case:
    """Each session has several rewards, some of them of one hint."""
    draws = torch.Generator().manual_seed(0)
    of_sessions = torch.randn(SESSIONS, 4, generator=draws, dtype=torch.float64)
    of_sessions[:, 0] = 1
    sessions = torch.randint(SESSIONS, (ROWS,), generator=draws)
    numbers = of_sessions[sessions]
    hints = torch.randint(HINTS, (ROWS,), generator=draws)
    rewards = torch.randn(ROWS, generator=draws, dtype=torch.float64) * 0.3 + numbers[:, 1]
    root = torch.randn(HINTS, 2, generator=draws, dtype=torch.float64)
    kernels = torch.stack([root @ root.T, torch.eye(HINTS, dtype=torch.float64)])
    effects = torch.tensor([[0.1, 0.2], [0.3, 0.5]], dtype=torch.float64)
    variances = Variances(effects=effects, noise=0.2, session=0.3)
    return Case(numbers, sessions, hints, rewards, kernels, variances)


def test_the_posterior_is_that_of_the_gaussian_process() -> None:
    it = case()
    found = it.infer()
    noisy = it.covariance() + it.variances.noise * torch.eye(ROWS, dtype=torch.float64)
    effects = it.covariance(replace(it.variances, session=0.0))
    mean = effects @ torch.linalg.solve(noisy, it.rewards)
    variance = (effects - effects @ torch.linalg.solve(noisy, effects)).diagonal()
    torch.testing.assert_close((it.numbers * found.mean[it.hints]).sum(dim=1), mean)
    blocks = found.blocks()[it.hints]
    spread = torch.einsum("ni,nij,nj->n", it.numbers, blocks, it.numbers)
    torch.testing.assert_close(spread, variance)


def test_the_evidence_is_the_ratio_of_two_likelihoods() -> None:
    it = case()
    found = it.infer()
    noise, session = it.variances.noise, it.variances.session
    same = (it.sessions[:, None] == it.sessions).double().numpy()
    shape = np.eye(ROWS) + session / noise * same
    rewards = it.rewards.numpy()
    with_effects = multivariate_normal.logpdf(
        rewards, np.zeros(ROWS), it.covariance().numpy() + noise * np.eye(ROWS)
    )
    level = rewards @ np.linalg.solve(shape, rewards) / ROWS
    noise_alone = multivariate_normal.logpdf(rewards, np.zeros(ROWS), level * shape)
    assert found.evidence == pytest.approx(float(with_effects - noise_alone), rel=1e-6)
    constant = ROWS / 2 * np.log(2 * np.pi)
    assert found.likelihood == pytest.approx(float(with_effects + constant), rel=1e-6)


def test_draws_have_the_posterior_mean_and_covariance() -> None:
    found = case().infer()
    drawn = found.draw(20000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.mean(dim=0), found.mean, atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(drawn[:, 2].T), found.blocks()[2], atol=0.02, rtol=0.05)


def test_every_step_on_the_variances_makes_the_rewards_likelier() -> None:
    it = case()
    parts = list(it.numbers.split(SIZES, dim=1))
    variances = first_guess(it.rewards, 2, 2)
    likelihoods = []
    for _ in range(8):
        joint = it.covariance(variances) + variances.noise * torch.eye(ROWS, dtype=torch.float64)
        likelihoods.append(multivariate_normal.logpdf(it.rewards.numpy(), cov=joint.numpy()))
        variances = fit_variances(
            parts, it.kernels, it.sessions, it.hints, it.rewards, variances, 1
        )
    assert np.diff(likelihoods).min() > 0


def test_planted_variances_are_found() -> None:
    draws = torch.Generator().manual_seed(2)
    rows, hints = 900, 10
    sessions = torch.arange(rows) // 3
    numbers = torch.randn(rows // 3, 8, generator=draws, dtype=torch.float64)[sessions] / 8**0.5
    column = torch.randint(hints, (rows,), generator=draws)
    weights = torch.randn(hints, 8, generator=draws, dtype=torch.float64)
    noise = torch.randn(rows, generator=draws, dtype=torch.float64)
    shared = torch.randn(rows // 3, generator=draws, dtype=torch.float64)[sessions]
    rewards = (numbers * weights[column]).sum(dim=1) + 0.5 * noise + 0.8 * shared
    kernels = torch.stack([torch.ones(hints, hints), torch.eye(hints)]).double()
    start = first_guess(rewards, 1, 2)
    found = fit_variances([numbers], kernels, sessions, column, rewards, start, 60)
    assert found.noise == pytest.approx(0.25, rel=0.2)
    assert found.session == pytest.approx(0.64, rel=0.2)
    assert float(found.effects[0, 1]) == pytest.approx(1.0, rel=0.3)
    assert float(found.effects[0, 0]) < 0.2
