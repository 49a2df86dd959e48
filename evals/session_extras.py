"""Session features that are on trial: how popular the session's own items are, and what they say.

Each is a group of its own beside the features in use, so that the learner weighs it by what the
rewards show of it. The text of a session is pressed to a few principal numbers, fitted on the
training sessions: an embedding in full drowns what cheap evidence tells.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.parts import Parts
from re2llm.policy.features import FEATURE_GROUPS

POPULARITY = "default, item popularity"
EMBEDDING = "default, session embedding"
BOTH = "default, both"
RANK = 8
"""Principal numbers of a session's text."""

States = NDArray[np.float32]


def session_extras(
    parts: Parts, train: Sequence[Case], held_out: Sequence[Case]
) -> Mapping[str, tuple[States, States]]:
    """Return, by what is added, the (cases, numbers) of training and of held-out cases."""
    popular = tuple(_popularity(parts, cases) for cases in (train, held_out))
    told = _pressed(*(_texts(parts, cases) for cases in (train, held_out)))
    return {
        POPULARITY: (popular[0], popular[1]),
        EMBEDDING: told,
        BOTH: (np.hstack([popular[0], told[0]]), np.hstack([popular[1], told[1]])),
    }


def groups_with(more: int) -> NDArray[np.bool_]:
    """Return the feature groups in use, and one more for so many further features."""
    wider = np.pad(FEATURE_GROUPS, ((0, 1), (0, more)))
    wider[-1, FEATURE_GROUPS.shape[1] :] = True
    return wider


def _popularity(parts: Parts, cases: Sequence[Case]) -> States:
    """Return the mean, the least and the last item's share of items that are clicked less."""
    positions = {item.item_id: place for place, item in enumerate(parts.catalog)}
    counts = np.bincount(parts.dataset.train.items, minlength=len(positions))
    ordered = np.sort(counts)
    shares = np.searchsorted(ordered, counts, "left") / max(len(counts), 1)
    rows = []
    for case in cases:
        own = [float(shares[positions[item.item_id]]) for item in case.task.session]
        rows.append([np.mean(own), min(own), own[-1]] if own else [0.0, 0.0, 0.0])
    return np.array(rows, dtype=np.float32)


def _texts(parts: Parts, cases: Sequence[Case]) -> States:
    words = [" ".join(item.title for item in case.task.session[-5:]) for case in cases]
    return parts.retrieval.encoder.encode(words)


def _pressed(train: States, held_out: States) -> tuple[States, States]:
    centre = train.mean(axis=0)
    _, sizes, directions = np.linalg.svd(train - centre, full_matrices=False)
    kept = directions[: min(RANK, int((sizes > 1e-6).sum()))].T
    return (train - centre) @ kept, (held_out - centre) @ kept
