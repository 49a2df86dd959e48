"""Policies that learn nothing: what every learnt one is compared with."""

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from re2llm.kb_store.store import Eligible
from re2llm.policy.choice import Choice
from re2llm.policy.hint_side import hint_side


@dataclass(frozen=True, slots=True)
class NoHintPolicy:
    """Never gives a hint."""

    version: str = "no hint"

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:  # noqa: ARG002
        """Choose no hint, surely."""
        return Choice(hint_id=None, propensity=1.0, gain=0.0, version=self.version)


@dataclass(frozen=True, slots=True)
class StaticPolicy:
    """Gives every session the same hint, as long as that one may serve."""

    hint_id: str
    version: str = "static"

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:  # noqa: ARG002
        """Choose the hint if it is eligible, else none."""
        chosen = self.hint_id if self.hint_id in hint_side(eligible).ids else None
        return Choice(hint_id=chosen, propensity=1.0, gain=None, version=self.version)


@dataclass(frozen=True, slots=True)
class RandomPolicy:
    """Draws uniformly among the hints that may serve; no hint is not among the draws.

    This is how rewards are logged without a policy, and what "random hint" means in tables.
    """

    seed: int = 0
    version: str = "random hint"
    _draws: np.random.Generator = field(init=False, repr=False, compare=False)
    _lock: threading.Lock = field(
        init=False, repr=False, compare=False, default_factory=threading.Lock
    )

    def __post_init__(self) -> None:
        """Seed the draws."""
        object.__setattr__(self, "_draws", np.random.default_rng(self.seed))

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:  # noqa: ARG002
        """Choose any hint; none where there are no hints."""
        ids = hint_side(eligible).ids
        if not ids:
            return Choice(hint_id=None, propensity=1.0, gain=None, version=self.version)
        with self._lock:
            chosen = int(self._draws.integers(len(ids)))
        return Choice(hint_id=ids[chosen], propensity=1 / len(ids), gain=None, version=self.version)
