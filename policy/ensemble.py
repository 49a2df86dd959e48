"""Several networks that regress rewards; where they differ, nobody knows yet."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.hint_side import HintSide
from re2llm.policy.network import SetNetwork


class EnsembleScorer:
    """Mean and deviation of the networks' gains."""

    kind = "ensemble"
    predicts_gain = True

    def __init__(self, networks: Sequence[SetNetwork], unit: float) -> None:
        """Serve networks whose scores are gains in units of `unit`."""
        self._networks = [network.eval().requires_grad_(False) for network in networks]
        self._unit = unit

    @property
    def features(self) -> int:
        """Say how long a state is."""
        return len(self._networks[0].mean)

    @property
    def dim(self) -> int:
        """Say how long a hint's vector is."""
        return len(self._networks[0].centre)

    def known(self) -> tuple[str, ...]:
        """Return nothing: no hint has parameters of its own."""
        return ()

    def scores(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        """Return (sessions, hints) mean gains."""
        return np.asarray(self._all(states, hints).mean(axis=0))

    def spreads(
        self, states: NDArray[np.float32], hints: HintSide, picks: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return (sessions, m) deviations between the networks."""
        return np.take_along_axis(self._all(states, hints).std(axis=0, ddof=1), picks, axis=1)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return all networks' tensors, numbered."""
        named = {
            f"{number}.{name}": tensor
            for number, network in enumerate(self._networks)
            for name, tensor in network.state_dict().items()
        }
        return named | {"unit": torch.tensor([self._unit], dtype=torch.float64)}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor]) -> "EnsembleScorer":
        """Rebuild from `tensors()`; raises `KeyError` or `RuntimeError` where they do not fit."""
        numbers = sorted({int(name.split(".")[0]) for name in tensors if name != "unit"})
        networks = []
        for number in numbers:
            prefix = f"{number}."
            own = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            network = SetNetwork(len(own["mean"]), len(own["centre"]), seed=0)
            network.load_state_dict(own)
            networks.append(network)
        return cls(networks, float(tensors["unit"]))

    def _all(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        with torch.inference_mode():
            scores = [
                network(
                    torch.from_numpy(states),
                    torch.from_numpy(hints.vectors),
                    torch.from_numpy(hints.records),
                )
                for network in self._networks
            ]
        return np.asarray(torch.stack(scores).double().numpy() * self._unit)
