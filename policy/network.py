"""The torch policy network: a tower for the session, one for the hint, and their product as score.

The paper's actor ends in one row of weights per hint; here that row is computed from the hint's
embedding and record, so that hints may come and go. No hint has score 0 by definition.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from re2llm.policy.hint_side import RECORD_NAMES, HintSide

WIDTH = 64
_LEAST_SCALE = 1e-3


def _linear(inputs: int, outputs: int, gain: float, draws: torch.Generator) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    nn.init.orthogonal_(layer.weight, gain=gain, generator=draws)
    nn.init.zeros_(layer.bias)
    return layer


class Tower(nn.Module):
    """The paper's 64-64 tanh network: (n, inputs) to (n, outputs)."""

    def __init__(self, inputs: int, outputs: int, gain: float, draws: torch.Generator) -> None:
        """Start with orthogonal weights; `gain` scales the last layer's."""
        super().__init__()
        self.layers = nn.Sequential(
            _linear(inputs, WIDTH, 2**0.5, draws),
            nn.Tanh(),
            _linear(WIDTH, WIDTH, 2**0.5, draws),
            nn.Tanh(),
            _linear(WIDTH, outputs, gain, draws),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers."""
        return torch.as_tensor(self.layers(x))


class SetNetwork(nn.Module):
    """Scores every hint of a set for every session."""

    mean: Tensor
    scale: Tensor
    centre: Tensor

    def __init__(self, features: int, dim: int, seed: int) -> None:
        """Start with scores near 0, so that the first policy is nearly uniform."""
        super().__init__()
        draws = torch.Generator().manual_seed(seed)
        self.session = Tower(features, WIDTH, 1.0, draws)
        self.hint = _linear(dim + len(RECORD_NAMES), WIDTH, 0.1, draws)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("centre", torch.zeros(dim))

    @classmethod
    def fitted(cls, states: Tensor, vectors: Tensor, seed: int) -> "SetNetwork":
        """Start a network that standardises states and centres vectors as these are."""
        network = cls(states.shape[1], vectors.shape[1], seed)
        network.mean.copy_(states.mean(dim=0))
        network.scale.copy_(states.std(dim=0, unbiased=False).clamp(min=_LEAST_SCALE))
        network.centre.copy_(vectors.mean(dim=0))
        return network

    def standardised(self, states: Tensor) -> Tensor:
        """Return states with mean 0 and deviation 1, as the training sessions had them."""
        return (states - self.mean) / self.scale

    def forward(self, states: Tensor, vectors: Tensor, records: Tensor) -> Tensor:
        """Score states (n, features) for hints (m, dim) and (m, record): returns (n, m)."""
        session = self.session(self.standardised(states))
        hint = self.hint(torch.cat([vectors - self.centre, records], dim=1))
        scores = session @ hint.T
        assert scores.shape == (len(states), len(vectors))  # noqa: S101
        return torch.as_tensor(scores)


class NetworkScorer:
    """A trained network, as the policy serves it."""

    kind = "network"

    def __init__(self, network: SetNetwork, *, predicts_gain: bool) -> None:
        """Serve this network; it must not be trained any further."""
        self.network = network.eval().requires_grad_(False)
        self.predicts_gain = predicts_gain

    @property
    def features(self) -> int:
        """Say how long a state is."""
        return len(self.network.mean)

    @property
    def dim(self) -> int:
        """Say how long a hint's vector is."""
        return len(self.network.centre)

    def scores(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        """Return (sessions, hints) scores."""
        with torch.inference_mode():
            scores = self.network(
                torch.from_numpy(states),
                torch.from_numpy(hints.vectors),
                torch.from_numpy(hints.records),
            )
        return np.asarray(scores.numpy(), dtype=np.float64)

    def spreads(
        self,
        states: NDArray[np.float32],  # noqa: ARG002
        hints: HintSide,  # noqa: ARG002
        picks: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        """Return zeros: one network does not know how sure it is."""
        return np.zeros(picks.shape)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return weights and buffers by name."""
        return dict(self.network.state_dict())

    def known(self) -> tuple[str, ...]:
        """Return nothing: no hint has parameters of its own."""
        return ()

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], *, predicts_gain: bool) -> "NetworkScorer":
        """Rebuild from `tensors()`.

        Raises:
            KeyError: a tensor is missing.
            RuntimeError: a tensor has the wrong shape or is unknown.
        """
        network = SetNetwork(len(tensors["mean"]), len(tensors["centre"]), seed=0)
        network.load_state_dict(dict(tensors))
        return cls(network, predicts_gain=predicts_gain)
