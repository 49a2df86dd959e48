"""How lists of texts or numbers become a column of lists: by one flat column, which is quick."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import polars as pl


def nested(lists: Sequence[Sequence[str] | Sequence[int] | None], kind: pl.DataType) -> pl.Series:
    """Return a column of lists of this kind; None becomes null, and an empty list stays empty."""
    flat = pl.Series(list(chain.from_iterable(held for held in lists if held)), dtype=kind)
    counts = np.array([len(held) if held else 0 for held in lists], dtype=np.int64)
    rows = pl.DataFrame({"row": np.arange(len(lists)), "known": [x is not None for x in lists]})
    values = pl.DataFrame({"row": np.repeat(np.arange(len(lists)), counts), "value": flat})
    grouped = values.group_by("row", maintain_order=True).agg("value")
    joined = rows.join(grouped, on="row", how="left", maintain_order="left")
    empty = pl.lit([], dtype=pl.List(kind))
    return joined.select(pl.when("known").then(pl.col("value").fill_null(empty)))["value"]
