"""Vectors for a shop's texts, learnt from the words of its own catalogue: nothing to download."""

import hashlib
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

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
        bags = [Counter(words(text)) for text in texts]
        spread = Counter(word for bag in bags for word in bag)
        vocabulary = [word for word, _ in sorted(spread.items(), key=lambda e: (-e[1], e[0]))]
        vocabulary = vocabulary[:_WORDS]
        rows = {word: row for row, word in enumerate(vocabulary)}
        rarity = np.log1p([len(texts) / spread[word] for word in vocabulary])
        matrix = _normal(_matrix(bags, rows, rarity))
        loadings = np.zeros((len(vocabulary), latent))
        rank = min(latent, min(matrix.shape) - 1)
        if rank > 0:
            start = np.random.default_rng(0).standard_normal(min(matrix.shape))
            _, _, axes = svds(matrix, k=rank, v0=start)
            loadings[:, :rank] = axes[::-1].T
        return cls(vocabulary, (loadings * rarity[:, None]).astype(np.float32))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, dim) rows of length one, or all zero where a text says nothing."""
        bags = [Counter(words(text)) for text in texts]
        inside = _matrix(bags, self._rows, np.ones(len(self._rows))) @ self._weights
        outside = np.zeros((len(texts), _OUTSIDE), dtype=np.float32)
        for row, bag in zip(outside, bags, strict=True):
            for word, count in bag.items():
                if word not in self._rows:
                    place, sign = _slot(word)
                    row[place] += sign * count**0.5
        # A text is known as far as its words are.
        known = np.array([sum(w in self._rows for w in bag) / max(len(bag), 1) for bag in bags])
        vectors = np.hstack(
            [_unit(inside) * np.sqrt(known)[:, None], _unit(outside) * np.sqrt(1 - known)[:, None]]
        )
        return _unit(vectors).astype(np.float32)

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


def _matrix(
    bags: Sequence[Counter[str]], rows: dict[str, int], weights: NDArray[np.float64]
) -> csr_array:
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for bag in bags:
        for word, count in bag.items():
            if (row := rows.get(word)) is not None:
                columns.append(row)
                values.append(count**0.5)
        ends.append(len(columns))
    places = np.array(columns, dtype=np.int64)
    return csr_array(
        (np.array(values) * weights[places], places, ends), shape=(len(bags), len(rows))
    )


def _normal(matrix: csr_array) -> csr_array:
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    matrix.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(matrix.indptr))
    return matrix


def _unit(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 1e-9, lengths, 1.0)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=65536)
def _slot(word: str) -> tuple[int, float]:
    number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
    return (number >> 1) % _OUTSIDE, 1.0 if number & 1 else -1.0
