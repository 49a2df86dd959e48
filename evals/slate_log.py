"""What served slates earned: the waiting-room of slates read back as a log of decisions."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import Catalog
from re2llm.checkpoints import open_checkpoints
from re2llm.graph.measure import reciprocal_log_rank
from re2llm.nodes.reading import candidates, session_items
from re2llm.nodes.state import State
from re2llm.policy.features import session_features


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A slate that a policy chose the hint for, and whose shopper took something.

    Attributes:
        features: (features,) float32, as the policy saw them.
        hint_id: what it chose.
        propensity: how likely that was.
        value: NDCG@k of the slate.
    """

    features: NDArray[np.float32]
    hint_id: str | None
    propensity: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlateLog:
    """All that was served from a workspace.

    Attributes:
        served: slates to learn from.
        left_out: how many slates have no feedback yet, had a hint that the caller named, or were
            mixed from several askings.
    """

    served: Sequence[Served]
    left_out: int


async def read_slates(path: Path, catalog: Catalog, *, url: str | None = None) -> SlateLog:
    """Read the newest state of every slate; nothing where the file is missing.

    Args:
        path: of the SQLite file.
        catalog: what was sold.
        url: of a Postgres, in place of the file.
    """
    if not url and not await asyncio.to_thread(path.is_file):
        return SlateLog(served=(), left_out=0)
    served, left_out, seen = [], 0, set()
    async with open_checkpoints(path, url=url) as saver:
        async for kept in saver.alist(None):
            thread = kept.config["configurable"]["thread_id"]
            if thread in seen:
                continue
            seen.add(thread)
            one = _served(cast(State, kept.checkpoint["channel_values"]), catalog)
            if one is None:
                left_out += 1
            else:
                served.append(one)
    return SlateLog(served=served, left_out=left_out)


def _served(state: State, catalog: Catalog) -> Served | None:
    feedback, choice, ranking = state.get("feedback"), state.get("hint"), state.get("ranking")
    if not feedback or not choice or not ranking or feedback["chosen"] is None:
        return None
    if not choice["eligible"] or choice["policy"] == "asked for" or choice.get("also"):
        return None
    features = session_features(
        session_items(state, catalog), candidates(state, catalog), state.get("request")
    )
    value = reciprocal_log_rank(ranking["items"], feedback["chosen"], state.get("k", 10))
    return Served(
        features=features,
        hint_id=choice["hint_id"],
        propensity=choice["propensity"],
        value=value,
    )
