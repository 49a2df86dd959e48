"""What a model is told of a candidate: a few plain words per source that has something to say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
_KINDS = ("brand", "platform", "category", "genres", "director")
_RECENT = 5


@dataclass(frozen=True, slots=True)
class Notes:
    """Writes the notes of one answer's candidates.

    Attributes:
        holders: kind of label, to label, to the session's latest items that have it, as bits.
    """

    holders: Mapping[str, Mapping[str, int]]

    @classmethod
    def on(cls, session: Sequence[Item]) -> "Notes":
        """Read the labels of a session's items, oldest first."""
        holders: dict[str, dict[str, int]] = {}
        for place, item in enumerate(session[-_RECENT:]):
            for kind in _KINDS:
                for label in _labels(item.attributes.get(kind), kind):
                    of_kind = holders.setdefault(kind, {})
                    of_kind[label] = of_kind.get(label, 0) | 1 << place
        return cls({kind: holders[kind] for kind in _KINDS if kind in holders})

    def of(self, item: Item, said: int) -> tuple[str, ...]:
        """Return the notes of one candidate, those that weigh most first.

        Args:
            item: the candidate.
            said: what the sources say of it, as `told` numbers it.
        """
        same = self._same(item)
        return (*_PHRASES[said], same)[:AT_MOST] if same else _PHRASES[said]

    def _same(self, item: Item) -> str:
        best, word = 0, ""
        for kind, of_kind in self.holders.items():
            bits = 0
            for label in _labels(item.attributes.get(kind), kind):
                bits |= of_kind.get(label, 0)
            if bits.bit_count() > best:
                best, word = bits.bit_count(), "genre" if kind == "genres" else kind
        if not best:
            return ""
        return f"same {word} as {best} item{'s' if best > 1 else ''} of the session"


def told(names: Sequence[str], evidence: Values, popular: Ids) -> list[int]:
    """Number what the sources say of each candidate.

    Args:
        names: of the rows of the evidence.
        evidence: (sources, candidates) z-scores.
        popular: (candidates,) how many of the shares in `POPULAR` are less popular.
    """
    said = popular << len(_WORDS)
    for bit, (source, least, _) in enumerate(_WORDS):
        if source in names:
            said |= (evidence[names.index(source)] >= least).astype(np.int64) << bit
    found: list[int] = said.tolist()
    return found


def _labels(value: AttributeValue | None, kind: str) -> Sequence[str]:
    if isinstance(value, str):
        return (value.casefold(),)
    if not isinstance(value, tuple):
        return ()
    return [entry.casefold() for entry in (value[-1:] if kind == "category" else value)]
