"""What a model is told of a candidate: a few plain words per source that has something to say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from re2llm.catalog.items import AttributeValue, Item
from re2llm.catalog.retrieve.sparse import Ids, Values

AT_MOST = 4
_WORDS = (
    ("request", 0.2, "fits the request"),
    ("together", 1.0, "often taken next"),
    ("neighbours", 1.0, "taken in similar sessions"),
    ("text", 1.0, "reads like the session's items"),
)
"""Source, deviations above the candidates' mean from which it is worth a word, and the word."""
POPULAR = (0.95, 0.99)
"""Shares of the catalogue that are less popular from which that is worth a word."""
_POPULAR = ((), ("popular now",), ("among the most popular now",))
_PHRASES = tuple(
    (
        *(text for bit, (_, _, text) in enumerate(_WORDS) if said >> bit & 1),
        *popular,
    )
    for popular in _POPULAR
    for said in range(1 << len(_WORDS))
)
"""What can be said, by number: a bit per source, and then how popular."""
_KINDS = {
    "brand": "brand",
    "platform": "platform",
    "category": "category",
    "genres": "genre",
    "director": "director",
}
"""Labels that are spoken of, and what each is called."""
_RECENT = 5


@dataclass(frozen=True, slots=True)
class Notes:
    """Writes the notes of one answer's candidates.

    Attributes:
        holders: kinds of label, what each is called, and label to the session's latest items that
            have it, as bits.
    """

    holders: Sequence[tuple[str, str, Mapping[str, int]]]

    @classmethod
    def on(cls, session: Sequence[Item]) -> "Notes":
        """Read the labels of a session's items, oldest first."""
        holders: dict[str, dict[str, int]] = {}
        for place, item in enumerate(session[-_RECENT:]):
            for kind in _KINDS.keys() & item.attributes.keys():
                for label in _labels(item.attributes[kind], kind):
                    of_kind = holders.setdefault(kind, {})
                    of_kind[label] = of_kind.get(label, 0) | 1 << place
        return cls(
            [(kind, word, holders[kind]) for kind, word in _KINDS.items() if kind in holders]
        )

    def of(self, item: Item, said: int) -> tuple[str, ...]:
        """Return the notes of one candidate, those that weigh most first.

        Args:
            item: the candidate.
            said: what the sources say of it, as `told` numbers it.
        """
        best, called = 0, ""
        for kind, word, of_kind in self.holders:
            value = item.attributes.get(kind)
            if isinstance(value, str):
                bits = of_kind.get(value.casefold(), 0)
            else:
                bits = 0
                for label in _labels(value, kind):
                    bits |= of_kind.get(label, 0)
            if bits and bits.bit_count() > best:
                best, called = bits.bit_count(), word
        if not best:
            return _PHRASES[said]
        same = f"same {called} as {best} item{'s' if best > 1 else ''} of the session"
        return (*_PHRASES[said], same)[:AT_MOST]


def told(names: Sequence[str], evidence: Values, popular: Ids) -> list[int]:
    """Number what the sources say of each candidate.

    Args:
        names: of the rows of the evidence.
        evidence: (sources, candidates) z-scores.
        popular: (candidates,) how many of the shares in `POPULAR` are less popular.
    """
    rows, least, bits = _spoken(tuple(names))
    said: list[int] = (
        (popular << len(_WORDS)) + bits @ (evidence.take(rows, axis=0) >= least)
    ).tolist()
    return said


@lru_cache
def _spoken(names: tuple[str, ...]) -> tuple[Ids, Values, Ids]:
    """Return which rows of the evidence are spoken of, from what on, and as which bit."""
    spoken = [(names.index(w[0]), [w[1]], 1 << n) for n, w in enumerate(_WORDS) if w[0] in names]
    rows, least, bits = zip(*spoken, strict=True)
    return np.array(rows), np.array(least), np.array(bits)


@lru_cache(maxsize=1 << 16)
def _labels(value: AttributeValue | None, kind: str) -> tuple[str, ...]:
    """Fold what an attribute says; a shop's items share few values, and every candidate is read."""
    if isinstance(value, str):
        return (value.casefold(),)
    if not isinstance(value, tuple):
        return ()
    return tuple(entry.casefold() for entry in (value[-1:] if kind == "category" else value))
