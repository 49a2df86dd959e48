"""Which sessions are worth asking about with which hints: those on which beliefs disagree."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.posterior import Posterior

Asking = Literal["top-two", "thompson", "uniform"]
_DRAWS, _ROUNDS = 16, 8


def wanted_pairs(
    posterior: Posterior,
    numbers: Tensor,
    open_pairs: NDArray[np.bool_],
    n: int,
    asking: Asking,
    draws: torch.Generator,
) -> NDArray[np.intp]:
    """Return up to n pairs on which two draws disagree, or that one draw finds best.

    Args:
        posterior: what is believed of the hints' effects.
        numbers: (sessions, numbers) what sessions are told by.
        open_pairs: (sessions, hints) what was not paid for yet.
        n: so many at most; fewer where draws agree.
        asking: `top-two` compares two draws, `thompson` takes the first one's word.
        draws: the source of chance.

    Returns:
        (pairs, 2) sessions and hints.
    """
    best = [_best(numbers, weights) for weights in posterior.draw(_DRAWS, draws)]
    wanted: dict[tuple[int, int], None] = {}
    for _ in range(_ROUNDS):
        for one in _shuffled(range(len(best)), draws):
            other = int(torch.randint(len(best), (1,), generator=draws))
            for session in _shuffled(range(len(open_pairs)), draws)[: n // 4 + 1]:
                hint = _hint(best[one][session], best[other][session], asking, draws)
                if hint >= 0 and open_pairs[session, hint]:
                    wanted[session, hint] = None
                    if len(wanted) == n:
                        return np.array(list(wanted), dtype=np.intp)
    return np.array(list(wanted), dtype=np.intp).reshape(-1, 2)


def _best(numbers: Tensor, weights: Tensor) -> list[int]:
    """Return each session's best hint under these weights; -1 is no hint."""
    gains, hints = (numbers @ weights.T).max(dim=1)
    return [int(h) for h in torch.where(gains > 0, hints, -1)]


def _hint(first: int, second: int, asking: Asking, draws: torch.Generator) -> int:
    """Return which of two draws' best hints to ask for; -1 is none."""
    if asking == "thompson":
        return first
    if first == second:
        return -1
    return first if bool(torch.rand(1, generator=draws) < 0.5) else second


def _shuffled(values: range, draws: torch.Generator) -> list[int]:
    return [values[i] for i in torch.randperm(len(values), generator=draws).tolist()]
