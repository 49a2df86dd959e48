"""How sessions are likened: groups of numbers whose inner products are session kernels.

The groups are `always` (the same for every session), `linear` (the standardised features), and
two radial kernels, broad and narrow, seen from landmark sessions (Nyström). Sessions need not be
paid for, so the map is fitted on all of them, before the first call.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

GROUPS = ("always", "linear", "broad", "narrow")
_WIDTHS = {"broad": 1.0, "narrow": 0.5}
"""Of a radial kernel, as a share of the median distance between two sessions."""
_LEAST_SCALE = 1e-3
_LEAST_EIGENVALUE = 1e-3
_REACH = 5.0
"""Standardised features are cut here, so that a strange session is not extrapolated to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMap:
    """A fitted map; all tensors float64.

    Attributes:
        mean: (features,) of the training sessions.
        scale: (features,) their deviations.
        landmarks: (landmarks, features) standardised sessions.
        median: () squared median distance of two sessions.
        projections: by radial group, (landmarks, rank).
        groups: which groups there are, a part of `GROUPS`.
    """

    mean: Tensor
    scale: Tensor
    landmarks: Tensor
    median: Tensor
    projections: Mapping[str, Tensor]
    groups: tuple[str, ...]

    @classmethod
    def fit(
        cls, states: Tensor, groups: tuple[str, ...], rank: int, draws: torch.Generator
    ) -> "SessionMap":
        """Fit on (sessions, features); `rank` bounds each radial group."""
        states = states.double()
        mean = states.mean(dim=0)
        scale = states.std(dim=0, unbiased=False).clamp(min=_LEAST_SCALE)
        standard = ((states - mean) / scale).clamp(-_REACH, _REACH)
        landmarks = _spread_out(standard, max(rank, 1), draws)
        squares = _squares(landmarks, landmarks)
        apart = squares[squares > 1e-9]
        median = apart.median() if len(apart) else torch.ones((), dtype=torch.float64)
        projections = {
            name: _whiten(torch.exp(-squares / (2 * median * width**2)), rank)
            for name, width in _WIDTHS.items()
            if name in groups
        }
        return cls(
            mean=mean,
            scale=scale,
            landmarks=landmarks,
            median=median,
            projections=projections,
            groups=groups,
        )

    def __call__(self, states: Tensor) -> list[Tensor]:
        """Return one (sessions, size) tensor per group."""
        standard = ((states.double() - self.mean) / self.scale).clamp(-_REACH, _REACH)
        squares = _squares(standard, self.landmarks) if self.projections else standard
        parts = []
        for name in self.groups:
            if name == "always":
                parts.append(torch.ones(len(standard), 1, dtype=torch.float64))
            elif name == "linear":
                parts.append(standard / standard.shape[1] ** 0.5)
            else:
                kernel = torch.exp(-squares / (2 * self.median * _WIDTHS[name] ** 2))
                parts.append(kernel @ self.projections[name])
        return parts

    def sizes(self) -> list[int]:
        """Return how many numbers each group has."""
        fixed = {"always": 1, "linear": len(self.mean)}
        return [
            fixed[name] if name in fixed else self.projections[name].shape[1]
            for name in self.groups
        ]

    def only(self, groups: tuple[str, ...]) -> "SessionMap":
        """Return the map with some of its groups."""
        return SessionMap(
            mean=self.mean,
            scale=self.scale,
            landmarks=self.landmarks,
            median=self.median,
            projections={name: p for name, p in self.projections.items() if name in groups},
            groups=groups,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors by name; `restore` reads them."""
        named = {
            "map.mean": self.mean,
            "map.scale": self.scale,
            "map.landmarks": self.landmarks,
            "map.median": self.median,
            "map.groups": torch.tensor([name in self.groups for name in GROUPS]),
        }
        return named | {f"map.{name}": part for name, part in self.projections.items()}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor]) -> "SessionMap":
        """Rebuild from `tensors()`; raises `KeyError` where one is missing."""
        present = tensors["map.groups"].tolist()
        groups = tuple(name for name, there in zip(GROUPS, present, strict=True) if there)
        return cls(
            mean=tensors["map.mean"],
            scale=tensors["map.scale"],
            landmarks=tensors["map.landmarks"],
            median=tensors["map.median"],
            projections={name: tensors[f"map.{name}"] for name in groups if name in _WIDTHS},
            groups=groups,
        )


def _squares(a: Tensor, b: Tensor) -> Tensor:
    products = a @ b.T
    squares = (a**2).sum(dim=1)[:, None] + (b**2).sum(dim=1)[None, :] - 2 * products
    return squares.clamp(min=0)


def _spread_out(points: Tensor, n: int, draws: torch.Generator) -> Tensor:
    """Draw n points, each likely where the earlier ones are far (as k-means++ seeds)."""
    n = min(n, len(points))
    first = int(torch.randint(len(points), (1,), generator=draws))
    chosen = [first]
    distance = _squares(points, points[first : first + 1])[:, 0]
    while len(chosen) < n and float(distance.max()) > 1e-9:
        nxt = int(torch.multinomial(distance / distance.sum(), 1, generator=draws))
        chosen.append(nxt)
        distance = torch.minimum(distance, _squares(points, points[nxt : nxt + 1])[:, 0])
    return points[chosen]


def _whiten(kernel: Tensor, rank: int) -> Tensor:
    values, vectors = torch.linalg.eigh(kernel)
    keep = (values > _LEAST_EIGENVALUE * values[-1]).nonzero()[:, 0][-rank:]
    return torch.as_tensor(vectors[:, keep] / values[keep].sqrt())
