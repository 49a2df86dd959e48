"""What words mean to shoppers: words whose items are taken together lie together.

Word vectors are learnt from the log as word2vec-like methods do in closed form (Levy and Goldberg,
2014): the positive pointwise mutual information of two words being in items that follow each other
in a session, factorised. An item is where its title's words are, be it taken or brand new.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from re2llm.catalog.axes import main_axes
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.sessions import SessionLog

DIM = 64
WORDS = 10_000
"""Words that get a vector: the most clicked."""
PAIRS = 600_000
"""Pairs of items that are learnt from, at most: the latest."""
REACH = 3
DOUBT = 5.0
"""A pair of words seen so often counts half of what it would if seen for ever."""
_BLOCK = 65_536
"""Items that are placed at a time."""
_FEWEST = 2.0
"""Pairs of words seen less often are left out."""


@dataclass(frozen=True, slots=True)
class Meanings:
    """Vectors of words.

    Attributes:
        terms: (words,) by number, ascending.
        vectors: (words, DIM).
    """

    terms: NDArray[np.int64]
    vectors: NDArray[np.float64]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "Meanings":
        """Take arrays as `arrays` gave them."""
        return cls(**arrays)  # type: ignore[arg-type]

    def place(
        self,
        offsets: NDArray[np.int64],
        terms: NDArray[np.integer],
        weights: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Place items by the terms of their titles.

        Args:
            offsets: (items + 1,) where an item's terms start.
            terms: by number.
            weights: what each counts.

        Returns:
            (items, DIM) rows of length one, zero where no word of the title has been taken.
        """
        size = len(offsets) - 1
        if not len(self.terms):
            return np.zeros((size, DIM), dtype=np.float32)
        terms, weights = terms[offsets[0] : offsets[-1]], weights[offsets[0] : offsets[-1]]
        column = np.minimum(np.searchsorted(self.terms, terms), len(self.terms) - 1)
        kept = self.terms[column] == terms
        rows = np.repeat(np.arange(size), np.diff(offsets))[kept]
        shape = (size, len(self.terms))
        placed = np.asarray(
            csr_array((weights[kept], (rows, column[kept])), shape=shape) @ self.vectors
        )
        norms = np.linalg.norm(placed, axis=1, keepdims=True)
        return (placed / np.where(norms > 1e-9, norms, 1)).astype(np.float32)

    def parts(self, titles: Inverted) -> Iterator[NDArray[np.float32]]:
        """Place all items of an index, some at a time."""
        size = len(titles.item_offsets) - 1
        for start in range(0, size, _BLOCK):
            offsets = titles.item_offsets[start : start + _BLOCK + 1]
            yield self.place(offsets, titles.terms, titles.weights)


def learn_meanings(log: SessionLog, titles: Inverted) -> Meanings:
    """Learn what words mean, as these sessions join them; nothing where there is too little."""
    size = len(titles.item_offsets) - 1
    here, there = _pairs(log)
    clicked = np.bincount(here, minlength=size) + np.bincount(there, minlength=size)
    lengths = np.diff(titles.item_offsets)
    used, terms = np.unique(titles.terms, return_inverse=True)
    clicks = np.bincount(terms, np.repeat(clicked, lengths), minlength=len(used))
    chosen = np.argsort(-clicks, kind="stable")[:WORDS]
    chosen = np.sort(chosen[clicks[chosen] > 0])
    if len(chosen) <= DIM:
        return Meanings(np.zeros(0, dtype=np.int64), np.zeros((0, DIM)))
    column = np.full(len(used), -1)
    column[chosen] = np.arange(len(chosen))
    kept = column[terms] >= 0
    rows = np.repeat(np.arange(size), lengths)[kept]
    has = csr_array(
        (np.ones(len(rows), dtype=np.float32), (rows, column[terms[kept]])),
        shape=(size, len(chosen)),
    )
    pairs = csr_array((np.ones(len(here), dtype=np.float32), (here, there)), shape=(size, size))
    words = _word_vectors(csr_array(has.T @ pairs @ has))
    return Meanings(used[chosen].astype(np.int64), words)


def _pairs(log: SessionLog) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ends = np.repeat(log.offsets[1:], np.diff(log.offsets))
    places = np.arange(len(log.items))[-PAIRS:]
    firsts = [places[places + step < ends[places]] for step in range(1, REACH + 1)]
    here = np.concatenate([log.items[first] for first in firsts]).astype(np.int64)
    there = np.concatenate(
        [log.items[first + step] for step, first in enumerate(firsts, 1)]
    ).astype(np.int64)
    other = here != there
    here, there = here[other][-PAIRS:], there[other][-PAIRS:]
    return np.concatenate([here, there]), np.concatenate([there, here])


def _word_vectors(joint: csr_array) -> NDArray[np.float64]:
    total = np.asarray(joint.sum(axis=1), dtype=np.float64).ravel()
    joint.data[joint.data < _FEWEST] = 0
    joint.eliminate_zeros()
    found = joint.tocoo()
    row, column = found.coords
    lift = np.log(found.data * total.sum() / (total[row] * total[column]))
    known = found.data / (found.data + DOUBT)
    matrix = csr_array((np.maximum(lift, 0) * known, (row, column)), shape=joint.shape)
    matrix.eliminate_zeros()
    strength, axes = main_axes(matrix, DIM)
    return axes * np.sqrt(strength)
