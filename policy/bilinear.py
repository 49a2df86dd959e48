"""The default scorer: predicted gain, and how sure it is, for any hint in any session.

A hint of the training has weights of its own; any other hint is scored by its record and by what
it says, as far as the training has shown these to matter.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.evidence import Variances
from re2llm.policy.hint_kernel import SHARED, HintKernel
from re2llm.policy.hint_side import HintSide
from re2llm.policy.posterior import prior_covariances
from re2llm.policy.session_map import SessionMap


class BilinearScorer:
    """Session numbers times hint weights; immutable but for what it remembers of the last hints."""

    kind = "bilinear"
    predicts_gain = True

    def __init__(
        self,
        session_map: SessionMap,
        hints: HintKernel,
        effects: Tensor,
        weights: Tensor,
        covariance: Tensor,
    ) -> None:
        """Prepare to score.

        Args:
            session_map: what makes numbers of a session; they come in two groups.
            hints: the hints of the training.
            effects: (groups, components) variances.
            weights: (hints, size) posterior means.
            covariance: (hints, size, size) of each hint's weights.
        """
        self._map = session_map
        self._hints = hints
        self._effects = effects
        self._weights = weights.contiguous()
        self._covariance = covariance.contiguous()
        self._columns = {hint_id: column for column, hint_id in enumerate(hints.ids)}
        sizes = session_map.sizes
        self._spans = [slice(end - n, end) for n, end in zip(sizes, np.cumsum(sizes), strict=True)]
        kernels = hints.kernels()
        prior = prior_covariances(Variances(effects=effects, noise=0.0), kernels)
        self._inverse = torch.linalg.inv(prior)
        scaled = [self._scaled(group) for group in range(len(sizes))]
        parts = [
            side.T @ self._inverse[group] @ weights[:, self._spans[group]]
            for group, side in enumerate(scaled)
        ]
        self._reach = torch.cat(parts, dim=1).float()
        self._last: tuple[HintSide, Tensor] | None = None

    @property
    def features(self) -> int:
        """Say how long a state is."""
        return self._map.features

    @property
    def dim(self) -> int:
        """Say how long a hint's vector is."""
        return len(self._hints.centre)

    def known(self) -> tuple[str, ...]:
        """Return the hints of the training."""
        return self._hints.ids

    def scores(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        """Return (sessions, hints) predicted gains."""
        return (self._numbers(states) @ self._weights_of(hints).T).numpy()

    def spreads(
        self, states: NDArray[np.float32], hints: HintSide, picks: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return standard deviations of the gains picked.

        For a hint that was not in the training this is an upper bound: the deviations of the
        hints it leans on are added up, as if they all erred together.
        """
        numbers = self._numbers(states)
        spreads = np.empty(picks.shape)
        columns = np.array([self._columns.get(hints.ids[pick], -1) for pick in picks.ravel()])
        columns = columns.reshape(picks.shape)
        for column in np.unique(columns):
            rows, places = np.nonzero(columns == column)
            here = numbers[torch.from_numpy(rows)]
            if column >= 0:
                found = _deviation(here, self._covariance[column])
            else:
                sides = self._hints.sides_of(hints.part(picks[rows, places]))
                found = self._spread_of_new(here, sides)
            spreads[rows, places] = found.numpy()
        return spreads

    def tensors(self) -> Mapping[str, Tensor]:
        """Return all that `restore` needs."""
        return self._map.tensors() | {
            "hints.centre": self._hints.centre,
            "hints.norms": self._hints.norms,
            "hints.sides": self._hints.sides,
            "effects": self._effects,
            "weights": self._weights,
            "covariance": self._covariance,
        }

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], *, known: tuple[str, ...]) -> "BilinearScorer":
        """Rebuild from `tensors()` and `known()`.

        Raises:
            KeyError: a tensor is missing.
            ValueError: the tensors do not fit together.
            RuntimeError: the same, noticed by torch.
        """
        hints = HintKernel(
            ids=known,
            centre=tensors["hints.centre"],
            norms=tensors["hints.norms"],
            sides=tensors["hints.sides"],
        )
        session_map = SessionMap.restore(tensors)
        shape = (len(known), sum(session_map.sizes))
        if tensors["weights"].shape != shape or len(hints.sides) != len(known):
            raise ValueError(f"weights {tuple(tensors['weights'].shape)}, expected {shape}")
        return cls(
            session_map, hints, tensors["effects"], tensors["weights"], tensors["covariance"]
        )

    def _numbers(self, states: NDArray[np.float32]) -> Tensor:
        return self._map(torch.from_numpy(states))

    def _weights_of(self, hints: HintSide) -> Tensor:
        """Return (hints, size) weights, of new hints by record and by what they say.

        They do not depend on the session, so they are worked out once per set of hints.
        """
        last = self._last
        if last is not None and last[0] is hints:
            return last[1]
        columns = np.array([self._columns.get(hint_id, -1) for hint_id in hints.ids], dtype=np.intp)
        new = torch.from_numpy(columns < 0)
        weights = torch.empty(len(hints), self._weights.shape[1], dtype=torch.float64)
        weights[~new] = self._weights[torch.from_numpy(columns[columns >= 0])]
        if bool(new.any()):
            weights[new] = self._reached(hints.part(np.flatnonzero(columns < 0)))
        self._last = (hints, weights)
        return weights

    def _reached(self, hints: HintSide) -> Tensor:
        """Return (hints, size) weights by record and by what hints say."""
        every, record, says = self._hints.spans()
        by_record = self._reach[record] / self._hints.norms[0].sqrt().float()
        by_words = self._reach[says] / self._hints.norms[1].sqrt().float()
        weights = self._reach[every] - self._hints.centre.float()[None, :] @ by_words
        weights = weights + torch.from_numpy(hints.vectors) @ by_words
        return (weights + torch.from_numpy(hints.records) @ by_record).double()

    def _scaled(self, group: int) -> Tensor:
        """Return the training hints' sides, each component scaled by its variance in a group."""
        return self._hints.sides * self._side_variances(group)

    def _side_variances(self, group: int) -> Tensor:
        variances = torch.empty(self._hints.sides.shape[1], dtype=torch.float64)
        for component, span in enumerate(self._hints.spans()):
            variances[span] = self._effects[group, component]
        return variances

    def _spread_of_new(self, numbers: Tensor, sides: Tensor) -> Tensor:
        """Return (n,) deviations of n pairs: (n, size) sessions, (n, side) hints."""
        rest = torch.zeros(len(numbers), dtype=torch.float64)
        leaning = []
        for group, span in enumerate(self._spans):
            shared = sides @ self._scaled(group).T
            lean = shared @ self._inverse[group]
            own = (sides**2 @ self._side_variances(group)) + self._effects[group, SHARED]
            unknown = (own - (shared * lean).sum(dim=1)).clamp(min=0)
            rest += unknown * (numbers[:, span] ** 2).sum(dim=1)
            leaning.append(lean)
        known = torch.zeros(len(numbers), dtype=torch.float64)
        for column, block in enumerate(self._covariance):
            parts = [
                numbers[:, span] * lean[:, column : column + 1]
                for span, lean in zip(self._spans, leaning, strict=True)
            ]
            known += _deviation(torch.cat(parts, dim=1), block)
        return (rest + known**2).sqrt()


def _deviation(numbers: Tensor, covariance: Tensor) -> Tensor:
    return ((numbers @ covariance) * numbers).sum(dim=1).clamp(min=0).sqrt()
