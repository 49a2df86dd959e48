"""Sessions as rows of equal length: what a step of training reads."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.retrieve.sparse import spread
from re2llm.catalog.sessions import SessionLog

Rows = NDArray[np.int64]

_MIXED = 2.0
"""How many items two sessions of one batch differ in length by, about."""


def batch_count(log: SessionLog, size: int) -> int:
    """Say how many batches an epoch has."""
    return -(-int((np.diff(log.offsets) > 1).sum()) // size)


def batches(log: SessionLog, *, size: int, length: int, pad: int, seed: int) -> Iterator[Rows]:
    """Walk all sessions of two items or more once, in random order, those of like length together.

    Args:
        log: complete sessions.
        size: sessions per batch.
        length: steps that are read; a row has one item more, its last one being only told.
        pad: fills rows up, at their ends.
        seed: of the order.

    Yields:
        (sessions, up to length + 1) catalogue positions.
    """
    draws = np.random.default_rng(seed)
    lengths = np.diff(log.offsets)
    usable = draws.permutation(np.flatnonzero(lengths > 1))
    cut = np.minimum(lengths, length + 1)
    alike = np.argsort(cut[usable] + _MIXED * draws.random(len(usable)), kind="stable")
    parts = np.array_split(usable[alike], range(size, len(usable), size)) if len(usable) else []
    for place in draws.permutation(len(parts)).tolist():
        yield padded(log, parts[place], length=length + 1, pad=pad)


def padded(log: SessionLog, rows: Rows, *, length: int, pad: int) -> Rows:
    """Return the latest items of these sessions, (rows, longest of them), filled up at the ends."""
    places, owner = spread(log.offsets, rows)
    ends = log.offsets[rows + 1][owner]
    kept = places >= ends - length
    places, owner = places[kept], owner[kept]
    widths = np.bincount(owner, minlength=len(rows))
    starts = np.cumsum(widths) - widths
    made = np.full((len(rows), int(widths.max(initial=1))), pad, dtype=np.int64)
    made[owner, np.arange(len(owner)) - starts[owner]] = log.items[places]
    return made
