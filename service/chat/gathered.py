"""What a catalogue's items say, gathered one by one into a lexicon."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import TypeVar

from re2llm.catalog.items import REMOVED, Catalog, Item
from re2llm.catalog.lexical import words
from re2llm.catalog.said import ALIASES, KINDS, TRADES, goods
from re2llm.service.chat.lexicon import LONGEST, PLAIN, Lexicon
from re2llm.service.chat.memory import Facet

K = TypeVar("K")
_FIRST = ("category", "genres", "brand", "platform")
_NEVER = frozenset({"description", "title", "available", "image", "url"})
_MOST_VALUES = 20_000


def read_lexicon(catalog: Catalog) -> Lexicon:
    """Read a catalogue; takes about a second per 50,000 items."""
    gathered = Gathered()
    gathered.meet(catalog)
    for item in catalog:
        gathered.add(item)
    return gathered.lexicon()


@dataclass(slots=True)
class Gathered:
    """What the items say, counted, so that one can be added or taken out at a time."""

    _facets: Counter[Facet] = field(default_factory=Counter)
    _titled: Counter[str] = field(default_factory=Counter)
    _numbers: dict[str, Counter[float]] = field(default_factory=dict)
    _prices: dict[Facet, Counter[float]] = field(default_factory=dict)
    _inside: Counter[tuple[Facet, Facet]] = field(default_factory=Counter)
    _kinds: set[str] = field(default_factory=set)
    _titles: Counter[tuple[str, str]] = field(default_factory=Counter)
    _having: Counter[str] = field(default_factory=Counter)
    _items: int = 0

    def meet(self, items: Iterable[Item]) -> None:
        """Learn the one-word names of kinds; call it before the items are added."""
        for item in items:
            self._kinds.update(_kind_words(item))

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
            if key and len(key) <= LONGEST and not set(key) <= PLAIN:
                values[key] = _sooner(values.get(key), facet)
        for said, name in ALIASES.items():
            meant = values.get(tuple(words(name)))
            if meant is not None:
                values.setdefault(said, meant)
        return Lexicon(
            values=values,
            counts=Counter(self._facets),
            known=frozenset(known),
            numeric=frozenset(self._numbers),
            tercile={name: _tercile(held) for name, held in self._numbers.items()},
            cheap={kind: _tercile(held) for kind, held in self._prices.items()},
            inside=frozenset(self._inside),
            goods=goods(
                lambda name: self._having[name] / max(self._items, 1),
                {facet.attribute for facet in self._facets},
            ),
            titled=frozenset(pair for pair, count in self._titles.items() if count > 1),
        )

    def _count(self, item: Item, by: int) -> None:
        if item.attributes.get(REMOVED):
            return
        self._items += by
        title = words(item.title)
        for word in set(title):
            _change(self._titled, word, by)
        others = self._kinds.intersection(title) - _kind_words(item)
        for pair in pairwise(title) if others else ():
            if not others.isdisjoint(pair):
                _change(self._titles, pair, by)
        for name, value in item.attributes.items():
            if name in TRADES:
                _change(self._having, name, by)
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


def _kind_words(item: Item) -> set[str]:
    """Return the item's kinds that are one word."""
    found: set[str] = set()
    for name in KINDS:
        value = item.attributes.get(name, ())
        for each in value if isinstance(value, tuple) else (str(value),):
            if len(said := words(each)) == 1:
                found.update(said)
    return found


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
