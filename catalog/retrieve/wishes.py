"""What a shopper's sentence asks for: bounds, things not wanted, and words that are."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from re2llm.catalog.filters import Range
from re2llm.catalog.lexical import words

LONGEST = 1000
"""Characters of a request that are read."""

_NUMBER = (
    r"[$€£]?\s*(\d{1,9}(?:[.,]\d{1,2})?)(?!\d)\s*(?:[$€£]|(?:dollars?|euros?|bucks|usd|eur)\b)?"
)
_UNITS = (
    r"(?!\s*-?\s*(?:years?|yrs?|months?|minutes?|mins?|hours?|players?|people|persons?|pieces?|"
    r"packs?|inch(?:es)?|cm|mm|m|gb|tb|mb|kg|g|oz|ml|lbs?|ft|feet|fps|bits?|stars?|%)\b|%)"
)
_MONEY = re.compile(r"[$€£]|dollar|euro|bucks|usd|eur", re.IGNORECASE)
_BETWEEN = re.compile(
    rf"\b(?:between|from)\s+{_NUMBER}\s*(?:and|to|-|–)\s*{_NUMBER}{_UNITS}", re.IGNORECASE
)
_SPAN = re.compile(
    r"[$€£]\s*(\d{1,9}(?:[.,]\d{1,2})?)\s*(?:to|-|–)\s*[$€£]?\s*(\d{1,9}(?:[.,]\d{1,2})?)",
    re.IGNORECASE,
)
_BELOW = re.compile(
    rf"\b(under|below|less than|cheaper than|(?:no|not) more than|not over|not above|at most|up to|"
    rf"max(?:imum)?(?: of)?|within|before|until)\s+{_NUMBER}{_UNITS}",
    re.IGNORECASE,
)
_ABOVE = re.compile(
    rf"\b(over|above|more than|(?:no|not) less than|not under|not below|at least|"
    rf"min(?:imum)?(?: of)?|after|since)\s+{_NUMBER}{_UNITS}",
    re.IGNORECASE,
)
_OPEN_ENDED = frozenset({"under", "below", "less than", "cheaper than", "before"}) | {
    "over",
    "above",
    "more than",
    "after",
}
_DECADE = re.compile(r"\b(?:(19|20)(\d)0s|(\d)0s)\b|'(\d)0s\b", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:not|no|without|except(?: for)?|excluding|nothing|anything but|avoid(?:ing)?|"
    r"(?:do not|don'?t|doesn'?t) (?:like|want))\s+"
    r"(?:(?:from|by|with|any|a|an|the|for|on|more|another)\s+)*"
    r"([^,.;!?()]{1,80}?)"
    r"(?=[,.;!?()]|\s+(?:but|and|please|with|under|below|over|above|between|from|for|on)\b|$)",
    re.IGNORECASE,
)
_OR = re.compile(r"\s+(?:or|nor)\s+", re.IGNORECASE)
_ASKING = frozenset(
    words(
        "I am me my we us want need wants would like looking look find show give get buy "
        "please some something anything thing things stuff good great nice best really very "
        "more less than can could do does should may also just maybe one ones item items "
        "product products other another others new kind type sort recommend recommendation "
        "suggest suggestion under over between below above around about but not no only so "
        "too much cheap cheaper price priced dollar dollars euro euros buck bucks hi hello "
        "thanks thank"
    )
)
_GENERIC = frozenset(words("game games movie movies film films item items product thing stuff one"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request, read.

    Attributes:
        ranges: numeric attribute to the interval that was named.
        without: things not wanted, each as its words.
        words: what is left, as words that may describe an item.
        text: the same as text.
    """

    ranges: Mapping[str, Range] = field(default_factory=dict)
    without: tuple[tuple[str, ...], ...] = ()
    words: tuple[str, ...] = ()
    text: str = ""


NO_WISH = Wish()


def read_wish(request: str | None) -> Wish:
    """Read a request; whatever it says, it is never refused."""
    if not request or not request.strip():
        return NO_WISH
    text = " ".join(request[:LONGEST].split())
    ranges: dict[str, Range] = {}
    for pattern, reader in _READERS:
        for match in pattern.finditer(text):
            for name, interval in reader(match).items():
                ranges[name] = _both(ranges.get(name), interval)
        text = pattern.sub(" , ", text)
    without: list[tuple[str, ...]] = []
    for match in _NOT.finditer(text):
        for phrase in _OR.split(match[1]):
            found = words(phrase)
            kept = [word for word in found if word not in _GENERIC and word not in _ASKING]
            if kept:
                without.append(tuple(kept))
    text = _NOT.sub(" ", text)
    left = tuple(dict.fromkeys(word for word in words(text) if word not in _ASKING))
    return Wish(ranges=ranges, without=tuple(without), words=left, text=" ".join(left))


def _between(match: re.Match[str]) -> dict[str, Range]:
    low, high = sorted((_number(match[1]), _number(match[2])))
    return {_kind(match, low, high): Range(low, high)}


def _below(match: re.Match[str]) -> dict[str, Range]:
    word, bound = match[1].casefold(), _number(match[2])
    kind = "year" if word in ("before", "until") else _kind(match, bound)
    if kind == "year" and not _is_year(bound):
        return {}
    return {kind: Range(None, math.nextafter(bound, -math.inf) if word in _OPEN_ENDED else bound)}


def _above(match: re.Match[str]) -> dict[str, Range]:
    word, bound = match[1].casefold(), _number(match[2])
    kind = "year" if word in ("after", "since") else _kind(match, bound)
    if kind == "year" and not _is_year(bound):
        return {}
    return {kind: Range(math.nextafter(bound, math.inf) if word in _OPEN_ENDED else bound, None)}


def _decade(match: re.Match[str]) -> dict[str, Range]:
    digit = int(match[2] or match[3] or match[4])
    century = int(match[1]) * 100 if match[1] else (2000 if digit < 3 else 1900)
    return {"year": Range(century + 10 * digit, century + 10 * digit + 9)}


_READERS = (
    (_BETWEEN, _between),
    (_SPAN, _between),
    (_BELOW, _below),
    (_ABOVE, _above),
    (_DECADE, _decade),
)


def _kind(match: re.Match[str], *bounds: float) -> str:
    if all(map(_is_year, bounds)) and not _MONEY.search(match[0]):
        return "year"
    return "price"


def _is_year(number: float) -> bool:
    return 1900 <= number < 2100 and number == int(number)


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _both(first: Range | None, second: Range) -> Range:
    if first is None:
        return second
    lows = [end for end in (first.low, second.low) if end is not None]
    highs = [end for end in (first.high, second.high) if end is not None]
    return Range(max(lows, default=None), min(highs, default=None))
