"""The main axes of a sparse matrix: what its rows differ in most."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

_SPARE = 16
"""Axes that are sought beyond those that are wanted, so that the last of those are found too."""
_ROUNDS = 6


def main_axes(matrix: csr_array, rank: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return singular values, the largest first, and the right singular vectors.

    By subspace iteration from a random start (Halko, Martinsson and Tropp, "Finding structure with
    randomness", 2011): a handful of passes over the matrix however close its singular values lie,
    where methods that find one vector after the other need hundreds. The same matrix has the same
    axes. Those of the smallest values may be a mixture of themselves and their successors.

    Args:
        matrix: (rows, columns).
        rank: how many, at most the lesser of both sides.

    Returns:
        (rank,) values and (columns, rank) vectors.
    """
    wide = min(rank + _SPARE, *matrix.shape)
    across = csr_array(matrix.T)
    axes = np.random.default_rng(0).standard_normal((matrix.shape[1], wide))
    for _ in range(_ROUNDS):
        axes, _ = np.linalg.qr(across @ (matrix @ axes))
    image = matrix @ axes
    squares, turned = np.linalg.eigh(image.T @ image)
    order = np.argsort(-squares, kind="stable")[:rank]
    return np.sqrt(np.maximum(squares[order], 0)), axes @ turned[:, order]
