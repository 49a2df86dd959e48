"""What served slates earned: the waiting-room of slates read back as a log of decisions."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import Catalog
from re2llm.checkpoints import open_checkpoints
from re2llm.graph.measure import depth, reciprocal_log_rank
from re2llm.nodes.reading import candidates, session_items
from re2llm.nodes.state import State
from re2llm.policy.features import session_features
from re2llm.policy.outcomes import Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A slate that a policy chose the hint for, and whose shopper took something.

    Attributes:
        features: (features,) float32, as the policy saw them.
        hint_id: what it chose.
        propensity: how likely that was.
        value: NDCG@k of the slate.
        learnt: the same, of the slate and of the model's own order, to the depth that rewards
            have, by the name that the setting `reward` gives it.
        tenant: to whom it was served; empty where that was not noted yet.
    """

    features: NDArray[np.float32]
    hint_id: str | None
    propensity: float
    value: float
    learnt: Mapping[str, float]
    tenant: str = ""


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

    def outcomes(self, by: str) -> Outcomes:
        """Return all that was served, valued by the slate or by the model's own order.

        Args:
            by: `slate` or `model`, as the setting `reward`.
        """
        return Outcomes(
            states=np.stack([one.features for one in self.served]),
            hint_ids=tuple(one.hint_id for one in self.served),
            propensities=np.array([one.propensity for one in self.served]),
            values=np.array([one.learnt[by] for one in self.served]),
        )


async def read_slates(
    path: Path, catalog: Catalog, *, url: str | None = None, tenant: str | None = None
) -> SlateLog:
    """Read the newest state of every slate; nothing where the file is missing.

    Args:
        path: of the SQLite file.
        catalog: what was sold.
        url: of a Postgres, in place of the file.
        tenant: whose slates; those of others, and of nobody known, are as if they were not there.
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
            state = cast(State, kept.checkpoint["channel_values"])
            if tenant is not None and state.get("tenant") != tenant:
                continue
            one = _served(state, catalog)
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
    k, chosen = state.get("k", 10), feedback["chosen"]
    return Served(
        features=features,
        hint_id=choice["hint_id"],
        propensity=choice["propensity"],
        value=reciprocal_log_rank(ranking["items"], chosen, k),
        learnt={
            "slate": reciprocal_log_rank(ranking["items"], chosen, depth(k)),
            "model": reciprocal_log_rank(ranking["model_items"], chosen, depth(k)),
        },
        tenant=state.get("tenant", ""),
    )
