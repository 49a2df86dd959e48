"""What training makes small: how surprising the next items are among items drawn by lot."""

import math

import torch
from torch import Tensor

_NEVER = -1e9
"""A score that draws no share; finite, so that slopes stay numbers."""


def sampled_softmax(
    points: Tensor,
    targets: Tensor,
    drawn: Tensor,
    target_ids: Tensor,
    drawn_ids: Tensor,
    total: int,
) -> Tensor:
    """Return the mean cross-entropy of the next items, with all other items estimated from a draw.

    Softmax with enough negatives is what makes SASRec as good as later models (Klenitskiy and
    Vasilev, "Turning dross into gold loss", 2023; Petrov and Macdonald, "gSASRec", 2023, for the
    same aim by another loss). The negatives are drawn evenly, once per batch, as in Jean et al.,
    "On using very large target vocabulary for neural machine translation", 2015; the sum over them
    is scaled up to the whole catalogue, and a target that was drawn is not its own negative.

    Args:
        points: (steps, dim) after each item.
        targets: (steps, dim) vectors of the items that came next.
        drawn: (negatives, dim) vectors of the items drawn.
        target_ids: (steps,).
        drawn_ids: (negatives,) without repeats.
        total: how many items there are to draw from.
    """
    right = (points * targets).sum(dim=1)
    wrong = points @ drawn.T
    wrong = wrong.masked_fill(target_ids[:, None] == drawn_ids[None, :], _NEVER)
    scaled = torch.logsumexp(wrong, dim=1) + math.log(max(total, 1) / max(len(drawn_ids), 1))
    return (torch.logaddexp(right, scaled) - right).mean()
