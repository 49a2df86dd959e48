"""A log of any size with what logs have: few popular items, many rare ones, kinds of interest."""

import numpy as np

from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.sessions import SessionLog

_KINDS = 400
_STAY = 0.85
"""Share of clicks that stay within the session's kind."""


def synthetic_catalog(items: int, seed: int = 0) -> Catalog:
    """Make items; item i is of kind i % 400, and its title says so in part."""
    draws = np.random.default_rng(seed)
    extra = draws.integers(20_000, size=(items, 2)).tolist()
    return Catalog(
        Item(
            item_id=f"i{i}",
            title=f"kind{i % _KINDS} word{first} word{second}",
            attributes={"brand": f"brand{first % 997}", "price": float(1 + second % 200)},
        )
        for i, (first, second) in enumerate(extra)
    )


def synthetic_log(clicks: int, items: int, seed: int = 0) -> SessionLog:
    """Make about that many clicks in sessions of 2 to 9 items."""
    draws = np.random.default_rng(seed)
    lengths = 2 + draws.poisson(2.5, size=max(1, int(clicks / 4.5))).clip(0, 7)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    kinds = np.repeat(draws.integers(_KINDS, size=len(lengths)), lengths)
    kinds = np.where(
        draws.random(len(kinds)) < _STAY, kinds, draws.integers(_KINDS, size=len(kinds))
    )
    per_kind = max(1, items // _KINDS)
    # The share of an item falls with its rank, slowly, as popularity does in shops.
    place = (per_kind * draws.random(len(kinds)) ** 2.5).astype(np.int64)
    clicked = np.minimum(place * _KINDS + kinds, items - 1).astype(np.int32)
    return SessionLog(
        items=clicked,
        offsets=offsets,
        timestamps=np.arange(len(lengths), dtype=np.float64),
    )
