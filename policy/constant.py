"""The simplest scorer: every hint has one gain, whatever the session."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.hint_side import HintSide


class ConstantScorer:
    """Gains by hint; a hint that it does not know has gain 0, and so is never served."""

    kind = "constant"
    predicts_gain = True

    def __init__(self, ids: tuple[str, ...], gains: Tensor, *, features: int, dim: int) -> None:
        """Serve these (hints,) gains; the sizes say what the policy was trained beside."""
        if gains.shape != (len(ids),):
            raise ValueError(f"{len(ids)} hints, gains of shape {tuple(gains.shape)}")
        self._ids = ids
        self._gains = gains.double()
        self._by_id = dict(zip(ids, self._gains.tolist(), strict=True))
        self.features = features
        self.dim = dim

    def known(self) -> tuple[str, ...]:
        """Return the hints that have a gain."""
        return self._ids

    def scores(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        """Return (sessions, hints), the same row for every session."""
        row = np.array([self._by_id.get(hint_id, 0.0) for hint_id in hints.ids])
        return np.tile(row, (len(states), 1))

    def spreads(
        self,
        states: NDArray[np.float32],  # noqa: ARG002
        hints: HintSide,  # noqa: ARG002
        picks: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        """Return zeros."""
        return np.zeros(picks.shape)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the gains and the sizes."""
        return {"gains": self._gains, "sizes": torch.tensor([self.features, self.dim])}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], *, known: tuple[str, ...]) -> "ConstantScorer":
        """Rebuild from `tensors()` and `known()`; raises `KeyError` or `ValueError`."""
        features, dim = (int(size) for size in tensors["sizes"])
        return cls(known, tensors["gains"], features=features, dim=dim)
