"""Which of the shown cards a message means: "the second one", "the cheapest", a title's words."""

import re
from collections.abc import Sequence

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.service.chat.memory import EXTREMES, Facet

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PLACE = re.compile(
    rf"\b(?:(?P<word>{'|'.join(_ORDINALS)})|(?P<digit>\d{{1,2}})(?:st|nd|rd|th)"
    rf"|(?:number|no\.?|item|option|#)\s*(?P<number>\d{{1,2}}|{'|'.join(_NUMBERS)}))\b"
    r"(?!\s+(?:time|thing|person|player|edition|gen|generation))",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?:^\W*(?:ok(?:ay)?,? |then |is |are |does |has )?|\b(?:between|compare|versus|vs\.?|and|or|to|with|than) )"
    r"(\d{1,2})(?=(?: please)?\W*$| it is\b| (?:and|or|to|with|versus|vs\.?) \d{1,2}(?: please)?\W*$|"
    r" (?:\w+ )?than \d{1,2}\W*$)",
    re.IGNORECASE,
)
"""Places without a word that says so: "2", "2 it is", "compare 1 and 3"."""
_HASH = re.compile(r"#\s*(\d{1,2})\b")
_COUNT = re.compile(
    rf"\b(?P<end>first|last)\s+(?P<count>\d|{'|'.join(_NUMBERS)})\b(?!\s*(?:one\b))", re.IGNORECASE
)
_LAST = re.compile(r"\blast (?:one|item|card|option)\b|\bthe last\b(?!\s+\w)", re.IGNORECASE)
_MOST = {
    "cheapest": re.compile(r"\b(?:cheapest|least expensive|lowest[- ]priced?)\b", re.I),
    "dearest": re.compile(r"\b(?:most expensive|priciest|dearest)\b", re.I),
    "newest": re.compile(r"\b(?:newest|latest|most recent)\b", re.I),
    "oldest": re.compile(r"\boldest\b", re.I),
}
_BOTH = re.compile(r"\b(?:both|these two)\b", re.IGNORECASE)
_ALL = re.compile(r"\b(?:these|those|them|they|all of (?:them|these))\b", re.IGNORECASE)
_IT = re.compile(
    r"\b(?:it|its|this|that|this one|that one|the same one)\b(?!\s+(?:i|is that)\b)", re.IGNORECASE
)


def find_cards(text: str, cards: Sequence[Item]) -> tuple[int, ...]:
    """Return the places (from 0) of the cards that are meant by place, extreme or title."""
    if not cards:
        return ()
    found: list[int] = []
    for match in _COUNT.finditer(text):
        count = _number(match["count"])
        places = range(len(cards))
        found.extend(places[:count] if match["end"].lower() == "first" else places[-count:])
    if not found:
        found.extend(_place(match) - 1 for match in _PLACE.finditer(text))
        found.extend(int(match[1]) - 1 for match in _HASH.finditer(text))
        found.extend(int(match[1]) - 1 for match in _BARE.finditer(text))
        if _LAST.search(text):
            found.append(len(cards) - 1)
    for most, pattern in _MOST.items():
        if pattern.search(text):
            name, best = EXTREMES[most]
            values = [(_value(card, name), place) for place, card in enumerate(cards)]
            held = [(value, place) for value, place in values if value is not None]
            if held:
                found.append(best(held, key=lambda pair: pair[0])[1])
    found = [place for place in found if 0 <= place < len(cards)]
    if not found:
        found = _titled(text, cards)
    if not found and _BOTH.search(text) and len(cards) > 1:
        found = [0, 1]
    return tuple(dict.fromkeys(found))


def extreme(text: str) -> str | None:
    """Return which end of the shop a message asks for, one of `EXTREMES`."""
    return next((most for most, pattern in _MOST.items() if pattern.search(text)), None)


def points_beyond(text: str, cards: Sequence[Item]) -> bool:
    """Say whether a message counts further than there are cards."""
    places = [_place(match) for match in _PLACE.finditer(text)]
    return bool(places) and bool(cards) and max(places) > len(cards)


def says_it(text: str) -> bool:
    """Say whether a message points at something without naming it."""
    return bool(_IT.search(text))


def says_all(text: str) -> bool:
    """Say whether a message points at all that is shown."""
    return bool(_ALL.search(text))


def value_meant(meant: Sequence[Item], kind: str) -> list[Facet]:
    """Return the value of a kind that "that brand" means: the commonest one of what is meant."""
    values = [value for card in meant for value in _held(card, kind)]
    return [Facet(kind, max(values, key=values.count))] if values else []


def _held(card: Item, kind: str) -> list[str]:
    value = card.attributes.get(kind)
    if isinstance(value, tuple):
        return [value[-1]] if value else []
    return [value] if isinstance(value, str) else []


def _titled(text: str, cards: Sequence[Item]) -> list[int]:
    """Find a title by at least two of its words that no other card's title has all of."""
    said = set(words(text))
    hits = [len(said & set(words(card.title))) for card in cards]
    best = max(hits)
    if best < 2 or hits.count(best) > 1:
        return []
    return [hits.index(best)]


def _place(match: re.Match[str]) -> int:
    if match["word"]:
        return _ORDINALS.index(match["word"].lower()) + 1
    return _number(match["digit"] or match["number"])


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS.index(text.lower()) + 1


def _value(card: Item, name: str) -> float | None:
    value = card.attributes.get(name)
    return float(value) if isinstance(value, (int, float)) else None
