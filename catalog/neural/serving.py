"""A trained sequence model, asked with numpy alone: torch is not imported to serve."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.neural.plan import LABELS, Kind

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

_TINY = 1e-5
"""What is added to a variance before dividing by its root, as torch does."""

_BLOCK = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceModel:
    """Says how likely items are to come next. Read-only; threads may share it.

    Attributes:
        kind: also the name of its evidence.
        heads: of attention.
        length: latest items of a session that are read.
        tensors: by the names that the network gives them.
        items: (model's items, dim) their vectors.
        rows: (catalogue,) where an item is in `items`, -1 for one that the model does not know.
        positions: (model's items,) where it is in the catalogue, -1 for one that is gone.
        identity: names what was trained, on what.
    """

    kind: Kind
    heads: int
    length: int
    tensors: Mapping[str, Floats]
    items: Floats
    rows: Ids
    positions: Ids
    identity: str

    @property
    def label(self) -> str:
        """Name the model as papers do."""
        return LABELS[self.kind]

    def point(self, session: Ids) -> Floats | None:
        """Return (dim,) where the session leads to; None where the model knows none of its items.

        Args:
            session: catalogue positions, oldest first.
        """
        rows = self._rows(session[-2 * self.length :])
        rows = rows[rows >= 0][-self.length :]
        if not len(rows):
            return None
        vectors = np.asarray(self.items[rows]) * np.float32(math.sqrt(self.items.shape[1]))
        state = self._attend(vectors) if self.kind == "sasrec" else self._recur(vectors)
        last: Floats = self._normal(state[-1:], "last")[0]
        return last

    def scores(self, point: Floats, wanted: Ids) -> NDArray[np.float64]:
        """Return scores of these catalogue positions; nan for what the model does not know."""
        rows = self._rows(wanted)
        found = (self.items[np.maximum(rows, 0)] @ point).astype(np.float64)
        return np.where(rows >= 0, found, np.nan)

    def best(self, point: Floats, n: int) -> Ids:
        """Return the catalogue positions of about the n most likely items, in no order."""
        found = self.positions[largest(self.items @ point, n)]
        return found[found >= 0]

    def _rows(self, wanted: Ids) -> Ids:
        """Return where items are in `items`; the catalogue may have grown since this was opened."""
        if not len(self.rows):
            return np.full(len(wanted), -1, dtype=np.int64)
        rows = self.rows[np.minimum(wanted, len(self.rows) - 1)]
        return np.where(wanted < len(self.rows), rows, -1)

    def _attend(self, vectors: Floats) -> Floats:
        steps, dim = vectors.shape
        later = np.triu(np.full((steps, steps), -np.inf, dtype=np.float32), 1)
        scale = np.float32(math.sqrt(dim // self.heads))
        state = vectors + self.tensors["places.weight"][:steps]
        block = 0
        while (name := f"blocks.{block}") + ".look.weight" in self.tensors:
            parts = self._linear(self._normal(state, f"{name}.before"), f"{name}.look")
            query, key, value = parts.reshape(steps, 3, self.heads, -1).transpose(1, 2, 0, 3)
            weights = query @ key.transpose(0, 2, 1) / scale + later
            weights = np.exp(weights - weights.max(axis=2, keepdims=True))
            weights /= weights.sum(axis=2, keepdims=True)
            seen = (weights @ value).transpose(1, 0, 2).reshape(steps, dim)
            state = state + self._linear(seen, f"{name}.join")
            wide = self._linear(self._normal(state, f"{name}.between"), f"{name}.widen")
            state = state + self._linear(np.maximum(wide, 0), f"{name}.narrow")
            block += 1
        return state

    def _recur(self, state: Floats) -> Floats:
        layer = 0
        while (name := f"layers.{layer}") + ".weight_ih_l0" in self.tensors:
            take, keep = self.tensors[f"{name}.weight_ih_l0"], self.tensors[f"{name}.weight_hh_l0"]
            fixed = self.tensors[f"{name}.bias_hh_l0"]
            inputs = state @ take.T + self.tensors[f"{name}.bias_ih_l0"]
            dim = state.shape[1]
            memory = np.zeros(dim, dtype=np.float32)
            read = np.empty_like(state)
            for step, given in enumerate(inputs):
                held = keep @ memory + fixed
                gates = 1 / (1 + np.exp(-(given[: 2 * dim] + held[: 2 * dim])))
                new = np.tanh(given[2 * dim :] + gates[:dim] * held[2 * dim :])
                memory = (1 - gates[dim:]) * new + gates[dim:] * memory
                read[step] = memory
            state = state + read
            layer += 1
        return state

    def _linear(self, state: Floats, name: str) -> Floats:
        changed: Floats = state @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]
        return changed

    def _normal(self, state: Floats, name: str) -> Floats:
        away = state - state.mean(axis=1, keepdims=True)
        spread = np.sqrt((away * away).mean(axis=1, keepdims=True) + np.float32(_TINY))
        normal: Floats = (
            away / spread * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]
        )
        return normal


def largest(scores: Floats, n: int) -> Ids:
    """Return the places of the n largest scores, in no order.

    Of many scores only those are sorted out that reach the n-th largest of all blocks' maxima: n
    blocks have one that does, so no smaller score is among the n largest.
    """
    if len(scores) <= n:
        return np.arange(len(scores))
    whole = len(scores) // _BLOCK * _BLOCK
    if whole < 2 * n * _BLOCK:
        return np.argpartition(scores, len(scores) - n)[-n:]
    tops = scores[:whole].reshape(-1, _BLOCK).max(axis=1)
    enough = np.partition(tops, len(tops) - n)[-n]
    places = np.flatnonzero(scores >= enough)
    return places[np.argpartition(scores[places], len(places) - n)[-n:]]
