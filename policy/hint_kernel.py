"""How hints are likened: being a hint at all, their record, what they say, and being the very one.

Each is a kernel over hints; a group of session numbers has its own mixture of the four. What is
learnt about one hint reaches another as far as the mixture says that they are alike.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from re2llm.policy.hint_side import HintSide

COMPONENTS = ("any", "record", "says", "own")
SHARED = 3
"""The first three reach hints that were never tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HintKernel:
    """The hints that were there in training; all tensors float64.

    Attributes:
        ids: (hints,).
        centre: (dim,) mean vector.
        norms: (2,) mean squares of records and of centred vectors, to scale the kernels by.
        sides: (hints, 1 + record + dim) the shared components' numbers, scaled.
    """

    ids: tuple[str, ...]
    centre: Tensor
    norms: Tensor
    sides: Tensor

    @classmethod
    def over(cls, hints: HintSide) -> "HintKernel":
        """Take these hints as those of the training."""
        vectors = torch.from_numpy(hints.vectors).double()
        records = torch.from_numpy(hints.records).double()
        centre = vectors.mean(dim=0)
        norms = torch.stack(
            [
                _mean_square(records).clamp(min=1e-12),
                _mean_square(vectors - centre).clamp(min=1e-12),
            ]
        )
        return cls(
            ids=hints.ids, centre=centre, norms=norms, sides=_sides(vectors, records, centre, norms)
        )

    def sides_of(self, hints: HintSide) -> Tensor:
        """Return (hints, 1 + record + dim) for any hints."""
        vectors = torch.from_numpy(hints.vectors).double()
        records = torch.from_numpy(hints.records).double()
        return _sides(vectors, records, self.centre, self.norms)

    def spans(self) -> list[slice]:
        """Return which columns of `sides` belong to each shared component."""
        end = self.sides.shape[1]
        start = end - len(self.centre)
        return [slice(0, 1), slice(1, start), slice(start, end)]

    def kernels(self) -> Tensor:
        """Return (components, hints, hints)."""
        shared = [self.sides[:, span] @ self.sides[:, span].T for span in self.spans()]
        return torch.stack([*shared, torch.eye(len(self.ids), dtype=torch.float64)])


def _sides(vectors: Tensor, records: Tensor, centre: Tensor, norms: Tensor) -> Tensor:
    ones = torch.ones(len(vectors), 1, dtype=torch.float64)
    record = records / norms[0].sqrt()
    says = (vectors - centre) / norms[1].sqrt()
    return torch.cat([ones, record, says], dim=1)


def _mean_square(rows: Tensor) -> Tensor:
    return torch.as_tensor((rows**2).sum(dim=1).mean())
