"""How sessions are likened: a few numbers whose inner products are a session kernel.

Three views of a session are likened apart: `linear` (the standardised features) and two radial
kernels, `broad` and `narrow`, seen from landmark sessions (Nyström); each once for every group of
features, so that a group that tells nothing does not drown one that does. Sessions need not be
paid for, so the views are fitted on all of them, before the first call. What the rewards then say
of the views' weights decides how they are pressed into a few principal numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

VIEWS = ("linear", "broad", "narrow")
_WIDTHS = {"broad": 1.0, "narrow": 0.5}
"""Of a radial kernel, as a share of the median distance between two landmarks."""
_LEAST_SCALE = 1e-3
_LEAST_EIGENVALUE = 1e-3
_REACH = 5.0
"""Standardised features are cut here, so that a strange session is not extrapolated to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionViews:
    """Fitted views; all tensors float64.

    Attributes:
        mean: (features,) of the training sessions.
        scale: (features,) their deviations.
        landmarks: (landmarks, features) standardised sessions.
        groups: (groups, features) 1 where a group has a feature; each group is viewed by itself.
        medians: (groups,) squared median distance of two landmarks.
        projections: by radial view and group, as `broad.0`, (landmarks, rank).
        names: which views there are, a part of `VIEWS` in that order.
    """

    mean: Tensor
    scale: Tensor
    landmarks: Tensor
    groups: Tensor
    medians: Tensor
    projections: Mapping[str, Tensor]
    names: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        states: Tensor,
        names: tuple[str, ...],
        rank: int,
        draws: torch.Generator,
        groups: NDArray[np.bool_] | None = None,
    ) -> "SessionViews":
        """Fit on (sessions, features); `rank` bounds each radial view."""
        states = states.double()
        masks = torch.ones(1, states.shape[1]) if groups is None else torch.from_numpy(groups)
        masks = masks.double()
        mean = states.mean(dim=0)
        scale = states.std(dim=0, unbiased=False).clamp(min=_LEAST_SCALE)
        standard = ((states - mean) / scale).clamp(-_REACH, _REACH)
        landmarks = _spread_out(standard, rank, draws)
        medians, projections = [], {}
        for number, group in enumerate(masks):
            squares = _squares(landmarks * group, landmarks * group)
            apart = squares[squares > 1e-9]
            median = apart.median() if len(apart) else torch.ones((), dtype=torch.float64)
            medians.append(median)
            for name, width in _WIDTHS.items():
                if name in names:
                    kernel = torch.exp(-squares / (2 * median * width**2))
                    projections[f"{name}.{number}"] = _whiten(kernel)
        return cls(
            mean=mean,
            scale=scale,
            landmarks=landmarks,
            groups=masks,
            medians=torch.stack(medians),
            projections=projections,
            names=names,
        )

    def __call__(self, states: Tensor) -> list[Tensor]:
        """Return one (sessions, size) float64 tensor per group and view."""
        standard = ((states.double() - self.mean) / self.scale).clamp(-_REACH, _REACH)
        parts = []
        for number, (group, median) in enumerate(zip(self.groups, self.medians, strict=True)):
            here = standard * group
            squares = _squares(here, self.landmarks * group)
            for name in self.names:
                if name == "linear":
                    parts.append(here[:, group > 0] / float(group.sum()) ** 0.5)
                else:
                    kernel = torch.exp(-squares / (2 * median * _WIDTHS[name] ** 2))
                    parts.append(kernel @ self.projections[f"{name}.{number}"])
        return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMap:
    """Views pressed into a few numbers; the first number is always 1.

    Attributes:
        views: fitted views.
        press: (sum of the views' sizes, numbers - 1) float64.
    """

    views: SessionViews
    press: Tensor

    @classmethod
    def pressed(
        cls, views: SessionViews, parts: list[Tensor], weights: Tensor, share: float, most: int
    ) -> "SessionMap":
        """Keep the principal numbers of the weighted views.

        Args:
            views: fitted views.
            parts: their numbers for the training sessions.
            weights: (views,) share of the effects' variance that each view carries.
            share: of the whole that is kept at least.
            most: numbers kept at most.
        """
        sizes = [part.shape[1] for part in parts]
        norms = torch.stack([part.square().sum(dim=1).mean() for part in parts]).clamp(min=1e-12)
        scale = (weights / norms).clamp(min=0).sqrt().repeat_interleave(torch.tensor(sizes))
        scaled = torch.cat(parts, dim=1) * scale
        values, vectors = torch.linalg.eigh(scaled.T @ scaled / len(scaled))
        values, vectors = values.flip(0), vectors.flip(1)
        reached = int((values.cumsum(0) < share * values.sum()).sum()) + 1
        return cls(
            views=views, press=(scale[:, None] * vectors[:, : min(reached, most)]).contiguous()
        )

    def __call__(self, states: Tensor) -> Tensor:
        """Return (sessions, numbers) float64."""
        pressed = torch.cat(self.views(states), dim=1) @ self.press
        return torch.cat([torch.ones(len(pressed), 1, dtype=torch.float64), pressed], dim=1)

    @property
    def sizes(self) -> list[int]:
        """Return how many numbers say what always holds, and how many what varies."""
        return [1, self.press.shape[1]]

    @property
    def features(self) -> int:
        """Say how long a state is."""
        return len(self.views.mean)

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors by name; `restore` reads them."""
        named = {
            "map.mean": self.views.mean,
            "map.scale": self.views.scale,
            "map.landmarks": self.views.landmarks,
            "map.groups": self.views.groups,
            "map.medians": self.views.medians,
            "map.names": torch.tensor([name in self.views.names for name in VIEWS]),
            "map.press": self.press,
        }
        return named | {f"map.{name}": part for name, part in self.views.projections.items()}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor]) -> "SessionMap":
        """Rebuild from `tensors()`; raises `KeyError` where one is missing."""
        present = tensors["map.names"].tolist()
        names = tuple(name for name, there in zip(VIEWS, present, strict=True) if there)
        views = SessionViews(
            mean=tensors["map.mean"],
            scale=tensors["map.scale"],
            landmarks=tensors["map.landmarks"],
            groups=tensors["map.groups"],
            medians=tensors["map.medians"],
            projections={
                name.removeprefix("map."): part
                for name, part in tensors.items()
                if name.removeprefix("map.").split(".")[0] in _WIDTHS
            },
            names=names,
        )
        return cls(views=views, press=tensors["map.press"])


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


def _whiten(kernel: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(kernel)
    keep = (values > _LEAST_EIGENVALUE * values[-1]).nonzero()[:, 0]
    return torch.as_tensor(vectors[:, keep] / values[keep].sqrt()).contiguous()
