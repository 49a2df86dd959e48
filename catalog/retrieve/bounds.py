"""Limits said in words: which numbers bound prices and years, and from which side.

A hard limit that was not meant hides what the shopper wants, so a number counts only where it is
plainly money or a year: ages, players, sizes and the like bound nothing.
"""

import math
import re
from collections.abc import Callable

from re2llm.catalog.filters import Range
from re2llm.catalog.retrieve.numbers import MONEY, UNIT

_N = (
    rf"(?:(?:about|around|only|just|like|roughly|say)\s+)?({MONEY}?\s*\d{{1,9}}(?:[.,]\d{{1,2}})?)"
    rf"(?![.,]?\d)(\s*{MONEY})?({UNIT})?(?![\w%'\"])"
)
"""A number with what it is of: the amount, a currency after it, another unit."""
_FILLER = (
    r"(?:that|which|who|is|are|be|being|been|it|they|costs?|costing|goes|go|going|spend(?:ing)?|"
    r"pay(?:ing)?|want(?:ing)?|to|priced?|prices?|anything|something|ones?|items?|games?|movies?|"
    r"films?|things?|stuff|me|should|must|much|any|at|for|a|the|even|will|would|like|looking|too|"
    r"expensive|really|absolutely|way|far|released|made|from|out|with|i|have|of|it's|set|stand|see|"
    r"products?|and|or)"
)
_NEGATION = (
    r"(?:(?:not|no|never|nothing|none|cannot|without|avoid(?:ing)?|exclud(?:e|ing)|except(?: for)?|"
    r"hate|dislike|skip|refuse)|\w+n['’]t|dont|cant|wont)"
)
_NOT = rf"(?P<not>\b{_NEGATION}\s+(?:{_FILLER}\s+){{0,6}}?)?"
_ABOVE = (
    r"over|above|(?:more|greater|higher|upwards?) (?:than|of)|(?:more expensive|pricier|dearer|"
    r"costlier) than|exceed(?:ing|s)?|beyond|past|after|newer than|(?:later|younger) than|>"
)
_BELOW = (
    r"under|below|(?:less|fewer|lower) (?:than|then)|cheaper (?:than|then)|less expensive than|"
    r"before|(?:older|earlier) than|<"
)
_MOST = r"at most|up to|max(?:imum)?(?: price)?(?: of| is|:)?|within|until|<=|≤"
_LEAST = r"at least|min(?:imum)?(?: price)?(?: of| is|:)?|since|starting (?:at|from)|>=|≥"
_COMPARED = re.compile(
    rf"{_NOT}(?:(?<=\s)|(?<!\w))(?P<word>{_LEAST}|{_MOST}|{_ABOVE}|{_BELOW})\s*{_N}", re.IGNORECASE
)
_AFTER = re.compile(
    rf"(?<![\w.,-]){_N}\s*(?:(?P<most>max(?:imum)?|tops|or (?:less|cheaper|under|below|lower)|"
    rf"and (?:under|below|less|lower)|at (?:the )?most)|(?P<least>minimum|or (?:more|above|over|up|"
    rf"higher)|and (?:up|above|over|higher))|(?P<until>(?:or|and) (?:earlier|older))|"
    rf"(?P<since>(?:or|and) (?:later|newer)|on(?:wards?)?))(?!\w)(?!{UNIT})",
    re.IGNORECASE,
)
_BUDGET = re.compile(
    r"\b(?:budget|limit|can(?:not|'?t)? (?:only )?(?:spend|afford)(?: more than)?)"
    rf"(?: of| is|'s|:| at)?\s*{_N}|\bi(?:'ve| have)?(?: only)?(?: got)? {_N} to spend\b",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"{_NOT}\b(?:between|from)\s+{_N}\s*(?:and|to|-|–)\s*{_N}"
    rf"|(?<![\w.,-])([$€£¥₹]\s*\d{{1,9}}(?:[.,]\d{{1,2}})?)\s*(?:to|-|–)\s*{_N}"
    rf"|(?<![\w.,-])(\d{{1,9}}(?:[.,]\d{{1,2}})?)\s*(?:to|-|–)\s*(\d{{1,9}}(?:[.,]\d{{1,2}})?)\s*{MONEY}",
    re.IGNORECASE,
)
_DECADE = re.compile(
    rf"{_NOT}(?:\b(19|20)(\d)0['’]?s\b|\b(\d)0['’]?s\b|['’](\d)0s\b)(?:\s+or\s+)?", re.IGNORECASE
)
_EITHER_WAY = re.compile(
    r"\b(?:needn['’]?t be\b|(?:do(?:es)?|would|need)(?:n['’]?t| not)|not) "
    r"(?:mind|care|matter|have to|need to|necessarily)\b[^,.;!?]*",
    re.IGNORECASE,
)
_RATHER = re.compile(
    rf"{_NOT}\b(?:longer|shorter|bigger|larger|smaller|heavier|lighter|taller|wider|slower|faster|"
    rf"louder|older|younger|more|less|fewer) than\s*{_N}",
    re.IGNORECASE,
)
_SOMEBODY = re.compile(
    r"\b(?:kids?|child(?:ren)?|toddlers?|babies|boys?|girls?|sons?|daughters?|adults?|teens?|people|"
    r"players?|everyone|anyone|age[sd]?|weigh(?:s|ing|t)?|pages?|size|length|height|width|level|"
    r"version|season|episode|part|volume|chapter)(?: (?:of|that|who|is|are))*\s*$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\b(?:\d+|several|many) (?:kids?|child(?:ren)?|toddlers?|babies|boys?|girls?|sons?|daughters?|"
    r"adults?|teens?|people|players?)\s*$",
    re.IGNORECASE,
)
"""Who it is for, counted: "for 4 people under 200" bounds a price, "3 kids under 9" an age."""
_OLDEST = 20
"""Years that such a bound may be of."""
_RATED = re.compile(
    r"\b(?:rat(?:ed|ings?)|scores?|scored|reviewed)(?: of| is| at)?\s*$", re.IGNORECASE
)
_YEARS = frozenset({"before", "until", "after", "since", "newer than", "older than"}) | {
    "earlier than",
    "later than",
    "younger than",
}
_OF_ONE_THING = frozenset({"no", "not", "without", "except", "avoid", "avoiding", "excluding"})
"""After these a thing is named: "no racing under 30" is two wishes, "nothing scary over 30" one."""
_SMALL = 10
"""Below it a bare number bounds a price only after a plain "under": "up to 4" may be players."""
_PLAIN = re.compile(r"under|below|less|cheaper|lower|<", re.IGNORECASE)
_IS_MONEY = re.compile(MONEY, re.IGNORECASE)

Ranges = dict[str, Range]


def read_bounds(text: str) -> tuple[Ranges, str]:
    """Return the limits of a text with plain numbers, and the text without them.

    A limit on something else than money or years bounds nothing; its number and unit stay as words,
    its "no more than" does not. What is said not to matter goes altogether.
    """
    ranges: Ranges = {}
    text = _EITHER_WAY.sub(" , ", text)
    for pattern, reader in _READERS:
        pieces: list[str] = []
        end = 0
        for match in pattern.finditer(text):
            found, left = reader(match, text[: match.start()])
            for name, interval in found.items():
                ranges[name] = _both(ranges.get(name), interval)
            pieces += [text[end : match.start()], left]
            end = match.end()
        text = "".join([*pieces, text[end:]])
    return ranges, text


def _between(match: re.Match[str], before: str) -> tuple[Ranges, str]:
    named, first, _, unit1, second, _, unit2, third, fourth, _, unit4, fifth, last = match.groups()
    unit = unit1 or unit2 or unit4
    if unit:
        return {}, f" {unit} "
    low, high = sorted((_number(first or third or fifth), _number(second or fourth or last)))
    paid = _is_money(match[0])
    if named or (not paid and (_SOMEBODY.search(before) or high < _SMALL)):
        return {}, " , "  # "not between": what is left are two intervals; none is better
    kind = _kind(match[0], low, high)
    return {kind: Range(low, high)}, " , "


def _compared(match: re.Match[str], before: str) -> tuple[Ranges, str]:
    negated, word, amount, money, unit = match.groups()
    if unit:
        return {}, f" , {amount}{unit} "
    bound = _number(amount)
    word = " ".join(word.casefold().split())
    paid = bool(money) or _is_money(amount)
    about = before + (negated or "")
    if _RATED.search(before) and not paid:
        kind = "rating"
    elif word in _YEARS and not paid:
        if not _is_year(bound):
            return {}, " , "
        kind = "year"
    elif not paid and (
        _about_somebody(about, bound) or (bound < _SMALL and not _PLAIN.match(word))
    ):
        return {}, f" , {amount} "
    elif not negated and _doubtful(before, word):
        return {}, " , "
    else:
        kind = "price" if paid else _kind(match[0], bound)
    return {kind: _side(word, bound, negated=bool(negated))}, " , "


def _about_somebody(before: str, bound: float) -> bool:
    counted = bound > _OLDEST and _COUNTED.search(before)
    return bool(_SOMEBODY.search(before)) and not counted


def _doubtful(before: str, word: str) -> bool:
    """Say whether a "nothing" a few words before may turn a comparison round, or may not."""
    clause = re.split(r"[,.;!?]|\bbut\b", before)[-1]
    found = re.search(rf"\b({_NEGATION})((?:\s+[\w'’-]+){{1,4}})\s*$", clause, re.IGNORECASE)
    if not found:
        return False
    return found[1].casefold() not in _OF_ONE_THING or not re.fullmatch(f"{_BELOW}|{_MOST}", word)


def _side(word: str, bound: float, *, negated: bool) -> Range:
    if re.fullmatch(_MOST, word):
        inside, high = True, True
    elif re.fullmatch(_LEAST, word):
        inside, high = True, False
    else:
        inside, high = False, bool(re.fullmatch(_BELOW, word))
    if negated:
        inside, high = not inside, not high
    if high:
        return Range(None, bound if inside else math.nextafter(bound, -math.inf))
    return Range(bound if inside else math.nextafter(bound, math.inf), None)


def _after(match: re.Match[str], before: str) -> tuple[Ranges, str]:
    amount, money, unit, most, _, until, since = match.groups()
    if unit:
        return {}, f" {amount}{unit} "
    bound = _number(amount)
    paid = bool(money) or _is_money(amount)
    kind = "price" if paid else _kind(match[0], bound)
    doubt = _SOMEBODY.search(before) or bound < 2 * _SMALL
    if ((until or since) and kind != "year") or (doubt and not paid):
        return {}, match[0]
    return {kind: Range(None, bound) if most or until else Range(bound, None)}, " , "


def _budget(match: re.Match[str], before: str) -> tuple[Ranges, str]:  # noqa: ARG001
    amount, _, unit = match.groups()[:3] if match[1] else match.groups()[3:]
    return ({}, f" {amount}{unit} ") if unit else ({"price": Range(None, _number(amount))}, " , ")


def _decade(match: re.Match[str], before: str) -> tuple[Ranges, str]:  # noqa: ARG001
    negated, century, *digits = match.groups()
    if negated:  # what is left are two intervals; none is better than the wrong one
        return {}, " , "
    digit = int(next(one for one in digits if one))
    start = int(century) * 100 if century else (2000 if digit < 3 else 1900)
    return {"year": Range(start + 10 * digit, start + 10 * digit + 9)}, " , "


def _rather(match: re.Match[str], before: str) -> tuple[Ranges, str]:  # noqa: ARG001
    return {}, f" , {match[2]}{match[4] or ''} "


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], tuple[Ranges, str]]], ...] = (
    (_BETWEEN, _between),
    (_BUDGET, _budget),
    (_COMPARED, _compared),
    (_RATHER, _rather),
    (_AFTER, _after),
    (_DECADE, _decade),
)


def _kind(said: str, *bounds: float) -> str:
    if _IS_MONEY.search(said) or re.search(r"\d[.,]\d", said):
        return "price"
    return "year" if all(map(_is_year, bounds)) else "price"


def _is_money(said: str) -> bool:
    return bool(_IS_MONEY.search(said))


def _is_year(number: float) -> bool:
    return 1900 <= number < 2100 and number == int(number)


def _number(text: str) -> float:
    return float(re.sub(r"[^\d.,]", "", text).replace(",", "."))


def _both(first: Range | None, second: Range) -> Range:
    if first is None:
        return second
    lows = [end for end in (first.low, second.low) if end is not None]
    highs = [end for end in (first.high, second.high) if end is not None]
    return Range(max(lows, default=None), min(highs, default=None))
