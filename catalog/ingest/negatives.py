"""Which items stand beside the target where no candidates were published."""

import numpy as np
import polars as pl

from re2llm.catalog.ingest.nested import nested

_CHUNK = 10_000
"""Sessions whose candidates are Python numbers at one time."""


def add_candidates(
    sessions: pl.DataFrame, *, items: int, negatives: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Fill null `candidates`: the target at a random place among items drawn uniformly.

    The drawn items are different from one another, from the target and from the session's items;
    a small catalogue gives fewer. The same sessions and random state give the same candidates.

    Args:
        sessions: columns `items`, `target`, `candidates`, as positions.
        items: size of the catalogue.
        negatives: how many to draw per session.
        rng: source of the draw; moved on.
    """
    filled: list[pl.Series] = []
    for chunk in sessions.select("items", "target", "candidates").iter_slices(_CHUNK):
        lists: list[list[int]] = []
        for session, target, given in chunk.iter_rows():
            if given is not None:
                lists.append(given)
                continue
            excluded = {target, *session}
            drawn = _draw(rng, items, min(negatives, items - len(excluded)), excluded)
            drawn.insert(int(rng.integers(len(drawn) + 1)), target)
            lists.append(drawn)
        filled.append(nested(lists, pl.UInt32()))
    if not filled:
        return sessions
    return sessions.with_columns(candidates=pl.concat(filled))


def _draw(rng: np.random.Generator, items: int, wanted: int, excluded: set[int]) -> list[int]:
    if 4 * (wanted + len(excluded)) > items:
        free = np.setdiff1d(np.arange(items), np.fromiter(excluded, dtype=np.int64))
        chosen: list[int] = rng.permutation(free)[:wanted].tolist()
        return chosen
    drawn: dict[int, None] = {}
    while len(drawn) < wanted:
        for position in rng.integers(items, size=wanted + 8).tolist():
            if position not in excluded:
                drawn[position] = None
    return list(drawn)[:wanted]
