"""Who shops, and what moves them: each session follows an intent that a hint can be about."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import Item
from re2llm.catalog.shop.goods import path, role

INTENTS = {
    "accessory for the latest": 1.0,
    "loyal to a brand": 1.0,
    "bargain hunter": 2.0,
    "wants the finest": 2.0,
    "follows the crowd": 1.0,
    "likes the new": 2.0,
    "likes the old": 2.0,
    "changed department": 0.8,
    "collects a line": 0.4,
    "buys again": 0.5,
}
"""What moves shoppers, and how often beside the others."""
_NOISE = 0.05
"""Share of the clicks that nothing moves."""
_SEASONS = 4


@dataclass(frozen=True, slots=True)
class Visit:
    """One session: positions of items, oldest first; the last one is what came next."""

    intent: str
    items: tuple[int, ...]


class Shoppers:
    """Draws sessions over goods; what is in fashion changes with the season."""

    def __init__(self, items: Sequence[Item], draws: np.random.Generator) -> None:
        """Take the goods in."""
        self._draws = draws
        self._items = items
        size = len(items)
        self._prices = np.array([float(str(item.attributes["price"])) for item in items])
        base = 1.0 / (1 + draws.permutation(size)) ** 0.8
        fashion = draws.lognormal(0, 0.7, size=(_SEASONS, size))
        self._popular = base * fashion
        self._popular /= self._popular.sum(axis=1, keepdims=True)
        self._steps = self._popular.cumsum(axis=1)
        self._by: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, item in enumerate(items):
            department, product = self._path(place)
            platform = str(item.attributes.get("platform", ""))
            brand = str(item.attributes["brand"])
            line = item.title.split()[1]
            self._by["department", department].append(place)
            self._by["role", f"{department} {role(item)}"].append(place)
            self._by["fits", f"{department} {role(item)} {platform}"].append(place)
            self._by["product", product].append(place)
            self._by["brand", brand].append(place)
            self._by["line", f"{brand} {line}"].append(place)
            self._by["refill", f"{product} {role(item)}"].append(place)
        years = np.array([float(str(item.attributes["year"])) for item in items])
        self._cheap = _extreme(self._prices, low=True)
        self._dear = _extreme(self._prices, low=False)
        self._new = _extreme(years, low=False)
        self._old = _extreme(years, low=True)
        self._shares = np.cumsum(list(INTENTS.values())) / sum(INTENTS.values())
        self._makers: dict[str, Callable[[int, int], list[int]]] = {
            "accessory for the latest": self._accessory,
            "loyal to a brand": self._loyal,
            "bargain hunter": lambda season, length: self._among(self._cheap, season, length),
            "wants the finest": lambda season, length: self._among(self._dear, season, length),
            "follows the crowd": self._crowd,
            "likes the new": lambda season, length: self._among(self._new, season, length),
            "likes the old": lambda season, length: self._among(self._old, season, length),
            "changed department": self._changed,
            "collects a line": self._line,
            "buys again": self._again,
        }

    def visit(self, when: float) -> Visit:
        """Draw a session; `when` is 0 at the log's beginning and 1 at its end."""
        season = int(when * 2 * _SEASONS) % _SEASONS
        intent = list(INTENTS)[int(np.searchsorted(self._shares, self._draws.random()))]
        length = 3 + min(int(self._draws.geometric(0.3)), 8)
        items = self._makers[intent](season, length)
        for place in range(len(items)):
            if self._draws.random() < _NOISE:
                items[place] = self._any(season)
        return Visit(intent, tuple(items))

    def negatives(self, target: int, session: Sequence[int], when: float, count: int) -> list[int]:
        """Draw items beside the target: a third like it, a third popular, the others any."""
        season = int(when * 2 * _SEASONS) % _SEASONS
        taken = {target, *session}
        department, _ = self._path(target)
        alike = self._by["department", department]
        found: list[int] = []
        for place in range(20 * count):
            if len(found) == count:
                break
            if place % 3 == 0:
                one = self._one(alike)
            elif place % 3 == 1:
                one = self._any(season)
            else:
                one = int(self._draws.integers(len(self._items)))
            if one not in taken:
                taken.add(one)
                found.append(one)
        return found

    def _path(self, place: int) -> tuple[str, str]:
        return path(self._items[place])

    def _any(self, season: int) -> int:
        steps = self._steps[season]
        return min(int(np.searchsorted(steps, self._draws.random())), len(steps) - 1)

    def _one(self, places: Sequence[int], season: int | None = None) -> int:
        """Draw one of these, by what is popular where a season is given."""
        if season is None:
            return places[int(self._draws.integers(len(places)))]
        steps = (self._popular[season][list(places)] ** 0.5).cumsum()
        return places[int(np.searchsorted(steps, self._draws.random() * steps[-1]))]

    def _few(self, kind: str, name: str, season: int, count: int) -> list[int]:
        return [self._one(self._by[kind, name], season) for _ in range(count)]

    def _accessory(self, season: int, length: int) -> list[int]:
        """Wander, buy a main product, then what fits it."""
        mains = [
            place for place in (self._any(season) for _ in range(60)) if self._is(place, "main")
        ]
        last = mains[0] if mains else self._any(season)
        department, _ = self._path(last)
        platform = str(self._items[last].attributes.get("platform", ""))
        fitting = self._by["fits", f"{department} accessory {platform}"]
        target = self._one(fitting or [last], season)
        return [*(self._any(season) for _ in range(length - 2)), last, target]

    def _loyal(self, season: int, length: int) -> list[int]:
        brand = str(self._items[self._any(season)].attributes["brand"])
        return self._few("brand", brand, season, length)

    def _among(self, places: Sequence[int], season: int, length: int) -> list[int]:
        return [self._one(places, season) for _ in range(length)]

    def _line(self, season: int, length: int) -> list[int]:
        item = self._items[self._any(season)]
        name = f"{item.attributes['brand']} {item.title.split()[1]}"
        return self._few("line", name, season, length)

    def _again(self, season: int, length: int) -> list[int]:
        refills = [name for kind, name in self._by if kind == "refill" and name.endswith("refill")]
        places = self._by["refill", self._pick(sorted(refills))]
        brand = str(self._items[self._one(places, season)].attributes["brand"])
        own = [p for p in places if self._items[p].attributes["brand"] == brand] or places
        return [self._one(own if self._draws.random() < 0.8 else places) for _ in range(length)]

    def _crowd(self, season: int, length: int) -> list[int]:
        best = np.argsort(-self._popular[season])[:80].tolist()
        return [self._one(best, season) for _ in range(length)]

    def _changed(self, season: int, length: int) -> list[int]:
        """Look around in one department, then turn to another for good."""
        first, _ = self._path(self._any(season))
        second, _ = self._path(self._any(season))
        return [
            *self._few("department", first, season, max(length - 2, 1)),
            *self._few("department", second, season, 2),
        ]

    def _is(self, place: int, wanted: str) -> bool:
        return role(self._items[place]) == wanted

    def _pick(self, names: Sequence[str]) -> str:
        return names[int(self._draws.integers(len(names)))]


def _extreme(values: NDArray[np.float64], *, low: bool) -> list[int]:
    """Return the positions of the lowest or highest fifth."""
    order = np.argsort(values if low else -values, kind="stable")
    return [int(place) for place in order[: len(values) // 5]]
