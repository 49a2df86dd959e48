"""Vectors for a shop's texts, learnt from the words of its own catalogue: nothing to download."""

import hashlib
import re
import zipfile
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from re2llm.catalog.axes import main_axes
from re2llm.errors import UserError

_WORD = re.compile(r"[^\W_]+")
FILLERS = (
    "a an and any are as at be been by for from has have if in into is it its of on or that the "
    "their them then there these they this those to was were what when where which while who "
    "will with you your"
)
_FILLERS = frozenset(FILLERS.split())
_OUTSIDE = 64
"""Places of a vector that are for words that the catalogue lacks."""
_WORDS = 60_000
_BLOCK = 8192
"""Texts that are placed at a time."""
_SAMPLE = 120_000
"""Texts that are learnt from, at most: evenly spaced ones."""


def words(text: str) -> list[str]:
    """Return the words of a text in one case and number, without fillers."""
    return [_singular(word) for word in _WORD.findall(text.casefold()) if word not in _FILLERS]


class LexicalEncoder:
    """Places texts near each other whose words occur in the same titles.

    Latent semantic analysis (Deerwester et al., 1990) of the catalogue's texts, by words weighted
    by rarity; words that the catalogue lacks are hashed into places of their own, so that texts
    about something else still tell apart.
    """

    def __init__(self, vocabulary: Sequence[str], weights: NDArray[np.float32]) -> None:
        """Take what was fitted; use `fit` or `load`.

        Args:
            vocabulary: words.
            weights: (words, latent) what each word adds to a vector.
        """
        self._rows = {word: row for row, word in enumerate(vocabulary)}
        self._weights = weights
        self.dim = weights.shape[1] + _OUTSIDE
        digest = hashlib.sha256("\n".join(vocabulary).encode())
        digest.update(np.ascontiguousarray(weights).tobytes())
        self.identity = f"lexical-1/{self.dim}/{digest.hexdigest()[:16]}"

    @classmethod
    def fit(cls, texts: Sequence[str], dim: int = 192) -> "LexicalEncoder":
        """Learn from a catalogue's texts.

        Args:
            texts: one per item; none at all makes an encoder that hashes every word.
            dim: length of the vectors, 65 at least.

        Raises:
            ValueError: `dim` is too small.
        """
        latent = dim - _OUTSIDE
        if latent < 1:
            raise ValueError(f"dim is {dim}, but {_OUTSIDE} places are for unknown words alone")
        texts = texts[:: -(-len(texts) // _SAMPLE)] if texts else texts
        found = [words(text) for text in texts]
        spread = Counter(word for one in found for word in dict.fromkeys(one))
        vocabulary = [word for word, _ in sorted(spread.items(), key=lambda e: (-e[1], e[0]))]
        vocabulary = vocabulary[:_WORDS]
        rows = {word: row for row, word in enumerate(vocabulary)}
        rarity = np.log1p([len(texts) / spread[word] for word in vocabulary])
        counts, _ = _counted(found, rows)
        counts.data *= rarity[counts.indices]
        matrix = _normal(counts)
        loadings = np.zeros((len(vocabulary), latent))
        rank = min(latent, min(matrix.shape) - 1)
        if rank > 0:
            _, loadings[:, :rank] = main_axes(matrix, rank)
        return cls(vocabulary, (loadings * rarity[:, None]).astype(np.float32))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, dim) rows of length one, or all zero where a text says nothing."""
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = [words(text) for text in texts[start : start + _BLOCK]]
            vectors[start : start + _BLOCK] = self._placed(block)
        return vectors

    def _placed(self, texts: Sequence[Sequence[str]]) -> NDArray[np.floating]:
        counts, outside = _counted(texts, self._rows)
        inside = counts.astype(np.float32) @ self._weights
        hashed = np.zeros((len(texts), _OUTSIDE), dtype=np.float32)
        unknown = np.zeros(len(texts))
        for (row, word), count in outside.items():
            place, sign = _slot(word)
            hashed[row, place] += sign * count**0.5
            unknown[row] += 1
        # A text is known as far as its words are.
        known = np.diff(counts.indptr) / np.maximum(np.diff(counts.indptr) + unknown, 1)
        return _unit(
            np.hstack(
                [
                    _unit(inside) * np.sqrt(known)[:, None],
                    _unit(hashed) * np.sqrt(1 - known)[:, None],
                ]
            )
        )

    def save(self, path: Path) -> None:
        """Write what was fitted as npz, without pickle."""
        vocabulary = np.frombuffer("\n".join(self._rows).encode(), dtype=np.uint8)
        with path.open("wb") as file:
            np.savez(file, vocabulary=vocabulary, weights=self._weights)

    @classmethod
    def load(cls, path: Path) -> "LexicalEncoder":
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                vocabulary = stored["vocabulary"].tobytes().decode()
                weights = stored["weights"]
            return cls(vocabulary.split("\n") if vocabulary else [], weights)
        except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(
                f"the text encoder {str(path)!r} cannot be read ({error}); "
                "run `re2llm ingest` again to fit it anew"
            ) from error


def _counted(
    texts: Sequence[Sequence[str]], rows: Mapping[str, int]
) -> tuple[csr_array, Counter[tuple[int, str]]]:
    """Return roots of how often words occur.

    Returns:
        (texts, words) for those that have a row; how often each of the others is in which text.
    """
    columns = array("i")
    ends = array("q", [0])
    outside: Counter[tuple[int, str]] = Counter()
    for place, text in enumerate(texts):
        for word in text:
            row = rows.get(word)
            if row is None:
                outside[place, word] += 1
            else:
                columns.append(row)
        ends.append(len(columns))
    found = csr_array(
        (
            np.ones(len(columns)),
            np.array(columns),
            np.array(ends),
        ),
        shape=(len(texts), len(rows)),
    )
    found.sum_duplicates()
    found.data = np.sqrt(found.data)
    return found, outside


def _normal(matrix: csr_array) -> csr_array:
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    matrix.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(matrix.indptr))
    return matrix


def _unit(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 1e-9, lengths, 1.0)


@lru_cache(maxsize=65536)
def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=65536)
def _slot(word: str) -> tuple[int, float]:
    number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
    return (number >> 1) % _OUTSIDE, 1.0 if number & 1 else -1.0
