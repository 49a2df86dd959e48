"""What a conversation remembers: the wish, its limits, and what was shown for it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from re2llm.catalog.filters import Filters, Range
from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words

EXTREMES = {
    "cheapest": ("price", min),
    "dearest": ("price", max),
    "newest": ("year", max),
    "oldest": ("year", min),
}
"""Ends of a shop: the attribute, and which of its numbers is meant."""


@dataclass(frozen=True, slots=True, order=True)
class Facet:
    """One value of one attribute, as the catalogue writes it."""

    attribute: str
    value: str

    def holds(self, item: Item) -> bool:
        """Say whether an item has this value."""
        return Filters(equal={self.attribute: (self.value,)}).allows(item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A wish as it stands.

    Attributes:
        words: what was asked for in words that are no facet.
        facets: what every item should have; given up, aloud, where nothing has it all.
        ranges: number limits by attribute; never given up.
        avoid: facets that no item may have; never given up.
        avoid_words: phrases that no item may name; never given up.
        best: which end of what fits is wanted, one of `EXTREMES`.
        anchor: the item that others should be like.
        shown: what was shown for this wish.
        refused: items that were turned down by name or all together; never shown again.
        focus: the item that was talked about last.
        asked: whether the one question was asked.
        missed: a slate that the shopper turned down; what is taken later is its feedback.
    """

    words: tuple[str, ...] = ()
    facets: tuple[Facet, ...] = ()
    ranges: Mapping[str, Range] = field(default_factory=dict)
    avoid: tuple[Facet, ...] = ()
    avoid_words: tuple[str, ...] = ()
    best: str | None = None
    anchor: str | None = None
    shown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    focus: str | None = None
    asked: bool = False
    missed: str | None = None

    @property
    def empty(self) -> bool:
        """Say whether nothing at all was asked for."""
        return not (self.words or self.facets or self.anchor)

    def request(self) -> str | None:
        """Put the wish into the words that retrieval and the model read."""
        wanted = [*self.words, *(facet.value for facet in self.facets)]
        unwanted = [*(facet.value for facet in self.avoid), *self.avoid_words]
        told = [" ".join(wanted), *(f"not {' '.join(words(each))}" for each in unwanted)]
        return ", ".join(filter(None, told)) or None

    def filters(self, *, facets: bool = True, exclude: tuple[str, ...] = ()) -> dict[str, object]:
        """Return the wish's hard limits as the recommender takes them."""
        found: dict[str, object] = {}
        for name, one in self.ranges.items():
            bounds = {"min": one.low, "max": one.high}
            found[name] = {end: bound for end, bound in bounds.items() if bound is not None}
        for facet in self.facets if facets else ():
            held = found.setdefault(facet.attribute, [])
            if isinstance(held, list):
                held.append(facet.value)
        if exclude or self.refused:
            found["exclude_ids"] = [*self.refused, *exclude]
        return found

    def allows(self, item: Item) -> bool:
        """Say whether an item meets every limit that is never given up."""
        if item.item_id in self.refused or not Filters(ranges=self.ranges).allows(item):
            return False
        if any(facet.holds(item) for facet in self.avoid):
            return False
        return not any(names(item, phrase) for phrase in self.avoid_words)

    def to_json(self) -> dict[str, object]:
        """Return plain JSON, for the graph's state."""
        told = asdict(self)
        told["ranges"] = {name: [one.low, one.high] for name, one in self.ranges.items()}
        for name in ("facets", "avoid"):
            told[name] = [[facet["attribute"], facet["value"]] for facet in told[name]]
        return {name: list(v) if isinstance(v, tuple) else v for name, v in told.items()}

    @classmethod
    def from_json(cls, raw: Mapping[str, object] | None) -> "Memory":
        """Read what `to_json` wrote."""
        if not raw:
            return cls()
        told: dict[str, object] = dict(raw)
        for name in ("words", "avoid_words", "shown", "refused"):
            told[name] = tuple(_entries(told[name]))
        for name in ("facets", "avoid"):
            told[name] = tuple(
                Facet(str(a), str(v)) for a, v in map(_entries, _entries(told[name]))
            )
        ranges = told["ranges"]
        assert isinstance(ranges, Mapping)  # noqa: S101
        told["ranges"] = {str(name): Range(*_entries(ends)) for name, ends in ranges.items()}
        return cls(**told)  # type: ignore[arg-type]

    def seen(self, item_ids: tuple[str, ...]) -> "Memory":
        """Note what was shown."""
        return replace(self, shown=tuple(dict.fromkeys((*self.shown, *item_ids)))[-500:])


def names(item: Item, phrase: str) -> bool:
    """Say whether an item's title or attributes name a phrase, the description aside."""
    told = [item.title]
    for name, value in item.attributes.items():
        if name not in ("description", "price", "available"):
            told.extend(value if isinstance(value, tuple) else (str(value),))
    wanted = set(words(phrase))
    return bool(wanted) and wanted <= set(words(" ".join(told)))


def narrowed(old: Range | None, new: Range) -> Range:
    """Join a new limit with the old one where both can hold; else the new one stands alone."""
    if old is None:
        return new
    low = old.low if new.low is None else new.low
    high = old.high if new.high is None else new.high
    if low is not None and high is not None and low > high:
        return new
    return Range(low, high)


def bound(number: float) -> float:
    """Round a bound that excludes itself back to the number that was said."""
    nearest = round(number, 2) + 0.0
    return nearest if math.isclose(nearest, number, rel_tol=1e-12, abs_tol=1e-300) else number


def _entries(value: object) -> list:  # type: ignore[type-arg]
    return list(value) if isinstance(value, (list, tuple)) else []
