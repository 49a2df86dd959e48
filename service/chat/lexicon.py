"""What the catalogue calls things: which words of a message name a value of an attribute."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from re2llm.catalog.items import Catalog
from re2llm.catalog.lexical import words
from re2llm.service.chat.memory import Facet

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
    """The catalogue's values by their words.

    Attributes:
        values: words of a value to the value.
        counts: how many items have a facet.
        known: every word that some title or value has.
        numeric: attributes that hold numbers.
        tercile: attribute to the number that a third of the items stay below.
    """

    values: dict[tuple[str, ...], Facet]
    counts: Counter[Facet]
    known: frozenset[str]
    numeric: frozenset[str]
    tercile: dict[str, float]

    @classmethod
    def read(cls, catalog: Catalog) -> "Lexicon":
        """Read a catalogue; takes about a second per 50,000 items."""
        found: dict[tuple[str, ...], Facet] = {}
        known: set[str] = set()
        numbers: dict[str, list[float]] = {}
        counts: Counter[Facet] = Counter()
        for item in catalog:
            known.update(words(item.title))
            for name, value in item.attributes.items():
                if isinstance(value, (int, float)):
                    numbers.setdefault(name, []).append(float(value))
                    continue
                if name in _NEVER:
                    continue
                for entry in value if isinstance(value, tuple) else (value,):
                    facet = Facet(name, entry)
                    if facet not in counts and len(counts) >= _MOST_VALUES:
                        continue
                    counts[facet] += 1
                    if counts[facet] > 1:
                        continue
                    key = tuple(words(entry))
                    known.update(key)
                    if key and len(key) <= _LONGEST and not set(key) <= _PLAIN:
                        found[key] = _sooner(found.get(key), facet)
        return cls(
            values=found,
            counts=counts,
            known=frozenset(known),
            numeric=frozenset(numbers),
            tercile={name: sorted(held)[len(held) // 3] for name, held in numbers.items()},
        )

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


def _sooner(old: Facet | None, new: Facet) -> Facet:
    if old is None:
        return new
    order = {name: place for place, name in enumerate(_FIRST)}
    return min(old, new, key=lambda facet: (order.get(facet.attribute, len(order)), facet))
