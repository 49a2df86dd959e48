"""What a policy sees of hints: what they say (embedding) and how they fared (record)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible

RECORD_NAMES = ("admission_gain", "admission_low", "helped_rate")
_SERVING = (Status.ACTIVE, Status.SHADOW)
_PRIOR_SLATES = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HintSide:
    """Hints as arrays.

    Attributes:
        ids: (hints,).
        vectors: (hints, dim) float32, rows of length one.
        records: (hints, len(RECORD_NAMES)) float32.
    """

    ids: tuple[str, ...]
    vectors: NDArray[np.float32]
    records: NDArray[np.float32]

    def __len__(self) -> int:
        """Count the hints."""
        return len(self.ids)

    def part(self, columns: NDArray[np.intp]) -> "HintSide":
        """Return some of the hints, in this order; one may come twice."""
        return HintSide(
            ids=tuple(self.ids[column] for column in columns),
            vectors=self.vectors[columns],
            records=self.records[columns],
        )


def hint_side(eligible: Eligible) -> HintSide:
    """Return the hints that may serve, as arrays; whatever is not active or shadow is left out.

    Raises:
        ValueError: there is not one vector per hint.
    """
    if eligible.vectors.ndim != 2 or len(eligible.vectors) != len(eligible.hints):
        raise ValueError(f"{len(eligible.hints)} hints, vectors {eligible.vectors.shape}")
    keep = [i for i, hint in enumerate(eligible.hints) if hint.status in _SERVING]
    hints = [eligible.hints[i] for i in keep]
    return HintSide(
        ids=tuple(hint.hint_id for hint in hints),
        vectors=eligible.vectors[keep].astype(np.float32),
        records=np.array([_record(hint) for hint in hints], dtype=np.float32).reshape(
            len(hints), len(RECORD_NAMES)
        ),
    )


def _record(hint: Hint) -> tuple[float, float, float]:
    """Return the record, each number shrunk to 0 by how little is behind it."""
    trust = math.sqrt(hint.evidence.sessions / (hint.evidence.sessions + _PRIOR_SLATES))
    rate = (hint.helped - hint.hurt) / (hint.shown + _PRIOR_SLATES)
    return (hint.evidence.gain * trust, hint.evidence.low * trust, rate)
