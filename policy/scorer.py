"""What every learner hands over: something that scores any set of hints for any sessions."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.hint_side import HintSide


class Scorer(Protocol):
    """Scores hints against no hint, which has score 0 by definition.

    Holds tensors only, so that it saves without code. Blocking, quick, safe from several threads.
    """

    @property
    def kind(self) -> str:
        """Name the family, as `re2llm.policy.saved` knows it."""

    @property
    def features(self) -> int:
        """Say how long a state is."""

    @property
    def dim(self) -> int:
        """Say how long a hint's vector is."""

    @property
    def predicts_gain(self) -> bool:
        """Say whether scores are gains in the reward's units, or only preferences."""

    def scores(self, states: NDArray[np.float32], hints: HintSide) -> NDArray[np.float64]:
        """Return (sessions, hints) scores for (sessions, features) states, in one pass."""

    def spreads(
        self, states: NDArray[np.float32], hints: HintSide, picks: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return standard deviations of some scores.

        Args:
            states: (sessions, features).
            hints: the same as for `scores`.
            picks: (sessions, m) columns of the hints wanted for each session.

        Returns:
            (sessions, m); 0 where the learner has no notion of its uncertainty.
        """

    def tensors(self) -> Mapping[str, Tensor]:
        """Return all that makes the scorer, by name."""

    def known(self) -> tuple[str, ...]:
        """Return the ids of the hints that have parameters of their own."""
