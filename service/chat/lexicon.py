"""What the catalogue calls things: which words of a message name a value of an attribute."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeVar

from re2llm.catalog.items import REMOVED, Catalog, Item
from re2llm.catalog.lexical import words
from re2llm.service.chat.memory import Facet

K = TypeVar("K")
KINDS = frozenset({"category", "genres", "type", "department"})
"""Attributes that say what kind of thing an item is."""
_FIRST = ("category", "genres", "brand", "platform")
_NEVER = frozenset({"description", "title", "available", "image", "url"})
_LONGEST = 5
_MOST_VALUES = 20_000
_PLAIN = frozenset(
    words(
        "new best one more other all any like good great home set big small plus pro classic first "
        "second third last next next price cheap black white red blue green"
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The catalogue's values by their words; items that were removed for good say nothing.

    Attributes:
        values: words of a value to the value.
        counts: how many items have a facet.
        known: every word that some title or value has.
        numeric: attributes that hold numbers.
        tercile: attribute to the number that a third of the items stay below.
        cheap: kind to the price that a third of its items stay below.
        inside: pairs of a category and one that it lies in.
    """

    values: dict[tuple[str, ...], Facet]
    counts: Counter[Facet]
    known: frozenset[str]
    numeric: frozenset[str]
    tercile: dict[str, float]
    cheap: dict[Facet, float] = field(default_factory=dict)
    inside: frozenset[tuple[Facet, Facet]] = frozenset()

    @classmethod
    def read(cls, catalog: Catalog) -> "Lexicon":
        """Read a catalogue; takes about a second per 50,000 items."""
        gathered = Gathered()
        for item in catalog:
            gathered.add(item)
        return gathered.lexicon()

    def narrowest(self, facets: Sequence[Facet]) -> tuple[list[Facet], list[Facet]]:
        """Split facets: of several of one attribute only the rarest binds, the others describe."""
        best: dict[str, Facet] = {}
        for facet in facets:
            held = best.get(facet.attribute, facet)
            best[facet.attribute] = min(held, facet, key=lambda each: self.counts[each])
        binding = [facet for facet in facets if best[facet.attribute] == facet]
        return binding, [facet for facet in facets if facet not in binding]

    def find(self, said: Sequence[str]) -> tuple[list[Facet], list[str]]:
        """Split words into the facets they name, longest first, and the words left over."""
        facets: list[Facet] = []
        left: list[str] = []
        place = 0
        while place < len(said):
            for length in range(min(_LONGEST, len(said) - place), 0, -1):
                facet = self.values.get(tuple(said[place : place + length]))
                if facet is not None:
                    facets.append(facet)
                    place += length
                    break
            else:
                left.append(said[place])
                place += 1
        return list(dict.fromkeys(facets)), left


@dataclass(slots=True)
class Gathered:
    """What the items say, counted, so that one can be added or taken out at a time."""

    _facets: Counter[Facet] = field(default_factory=Counter)
    _titled: Counter[str] = field(default_factory=Counter)
    _numbers: dict[str, Counter[float]] = field(default_factory=dict)
    _prices: dict[Facet, Counter[float]] = field(default_factory=dict)
    _inside: Counter[tuple[Facet, Facet]] = field(default_factory=Counter)

    def add(self, item: Item) -> None:
        """Count what an item says."""
        self._count(item, 1)

    def remove(self, item: Item) -> None:
        """Count no longer what an item said that was added."""
        self._count(item, -1)

    def lexicon(self) -> Lexicon:
        """Return what is counted now."""
        values: dict[tuple[str, ...], Facet] = {}
        known = set(self._titled)
        for facet in self._facets:
            key = tuple(words(facet.value))
            known.update(key)
            if key and len(key) <= _LONGEST and not set(key) <= _PLAIN:
                values[key] = _sooner(values.get(key), facet)
        return Lexicon(
            values=values,
            counts=Counter(self._facets),
            known=frozenset(known),
            numeric=frozenset(self._numbers),
            tercile={name: _tercile(held) for name, held in self._numbers.items()},
            cheap={kind: _tercile(held) for kind, held in self._prices.items()},
            inside=frozenset(self._inside),
        )

    def _count(self, item: Item, by: int) -> None:
        if item.attributes.get(REMOVED):
            return
        for word in set(words(item.title)):
            _change(self._titled, word, by)
        for name, value in item.attributes.items():
            if isinstance(value, (int, float)):
                held = self._numbers.setdefault(name, Counter())
                _change(held, float(value), by)
                if not held:
                    del self._numbers[name]
                continue
            if name in _NEVER:
                continue
            facets = [
                Facet(name, each) for each in (value if isinstance(value, tuple) else [value])
            ]
            for facet in facets:
                if facet in self._facets or (by > 0 and len(self._facets) < _MOST_VALUES):
                    _change(self._facets, facet, by)
            if name in KINDS:
                self._priced(facets, item.attributes.get("price"), by)
            if name == "category":
                for above, below in combinations(facets, 2):
                    _change(self._inside, (below, above), by)

    def _priced(self, kinds: Sequence[Facet], price: object, by: int) -> None:
        if not isinstance(price, (int, float)):
            return
        for kind in kinds:
            held = self._prices.setdefault(kind, Counter())
            _change(held, float(price), by)
            if not held:
                del self._prices[kind]


def _change(counts: Counter[K], key: K, by: int) -> None:
    counts[key] += by
    if counts[key] <= 0:
        del counts[key]


def _tercile(counts: Counter[float]) -> float:
    left = counts.total() // 3
    for number in sorted(counts):
        left -= counts[number]
        if left < 0:
            return number
    raise ValueError("there are no numbers")


def _sooner(old: Facet | None, new: Facet) -> Facet:
    if old is None:
        return new
    order = {name: place for place, name in enumerate(_FIRST)}
    return min(old, new, key=lambda facet: (order.get(facet.attribute, len(order)), facet))
