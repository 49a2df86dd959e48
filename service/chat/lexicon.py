"""What the catalogue calls things: which words of a message name a value of an attribute."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from re2llm.catalog.lexical import words
from re2llm.service.chat.memory import Facet

_FIRST = ("category", "genres", "brand", "platform")
_NEVER = frozenset({"description", "title", "available", "image", "url"})
LONGEST = 5
_MOST_VALUES = 20_000
PLAIN = frozenset(
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
        goods: words for all that the shop sells, which tell nothing apart: "movies".
        titled: neighbours in titles of items of another kind than one of them says: "star wars".
    """

    values: dict[tuple[str, ...], Facet]
    counts: Counter[Facet]
    known: frozenset[str]
    numeric: frozenset[str]
    tercile: dict[str, float]
    cheap: dict[Facet, float] = field(default_factory=dict)
    inside: frozenset[tuple[Facet, Facet]] = frozenset()
    goods: frozenset[str] = frozenset()
    titled: frozenset[tuple[str, str]] = frozenset()

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
            for length in range(min(LONGEST, len(said) - place), 0, -1):
                facet = self.values.get(tuple(said[place : place + length]))
                if facet is not None and not (length == 1 and self._of_a_title(said, place)):
                    facets.append(facet)
                    place += length
                    break
            else:
                left.append(said[place])
                place += 1
        return list(dict.fromkeys(facets)), left

    def _of_a_title(self, said: Sequence[str], place: int) -> bool:
        """Say whether a word belongs to a title rather than naming a kind: the wars of "star wars"."""
        for pair in ((place - 1, place), (place, place + 1)):
            if pair[0] < 0 or pair[1] >= len(said):
                continue
            beside = said[pair[0] if pair[1] == place else pair[1]]
            other = beside not in PLAIN and beside not in self.goods
            if (
                other
                and (beside,) not in self.values
                and (said[pair[0]], said[pair[1]]) in self.titled
            ):
                return True
        return False
