"""How people say limits: their idioms are put into the words that `read_wish` reads."""

import re

from re2llm.catalog.retrieve.numbers import plain_numbers

_N = r"(?P<n>(?:[$€£]\s?)?\d{1,9}(?:[.,]\d{1,2})?(?:\s?(?:[$€£]|dollars?|euros?|bucks|usd|eur)\b)?)"
_LAST = r"(?!\s*(?:[$€£]\s?)?\d)"
"""A word behind a number belongs to it only where no other number follows: "under 60 and over 30"."""
_REWRITES = (
    (
        rf"^\W*(?:(?:(?:a |my |the )?(?:price|budget|range)(?: range)?|priced|maybe|say|in the range)"
        rf"(?: of| is|:)?\s+)?{_N}\s*(?:-|–|to)\s*{_N.replace('<n>', '<o>')}\W*$",
        r"between \g<n> and \g<o>",
    ),
    (
        rf"(?:(?<=[a-z])|(?<=[a-z],)|(?<=[a-z];))\s+(?:for\s+|at\s+|priced\s+)?{_N}\s*(?:-|–|to)\s*{_N.replace('<n>', '<o>')}"
        r"(?=\s*[,;.!?]|\s*$)",
        r" between \g<n> and \g<o>",
    ),
    (
        rf"\b(?:nothing|not|never|don'?t (?:want to )?(?:go|spend|pay)|do not (?:want to )?(?:go|spend|"
        rf"pay)|can'?t (?:go|spend|pay|afford)|cannot (?:go|spend|pay|afford)|won'?t (?:go|spend|pay)|"
        rf"not (?:go|spend|pay)(?:ing)?|not want to (?:go|spend|pay)|(?:to )?spend no)\s+"
        rf"(?:anything )?(?:over|above|more than|beyond|(?:more )?expensive than|past)\s+{_N}",
        r"at most \g<n>",
    ),
    (rf"\bnothing (?:under|below|less than|cheaper than)\s+{_N}", r"at least \g<n>"),
    (
        rf"\b(?:my |a |the )?(?:budget|limit|max(?:imum)?)(?: price)?(?: of| is|'s|:| at)\s*"
        rf"(?:about |around |only )?{_N}",
        r"at most \g<n>",
    ),
    (rf"\bi(?:'ve| have)?(?: only)?(?: got)? {_N} to spend\b", r"at most \g<n>"),
    (
        rf"\b(?:make (?:it|that)|say) (?P<w>under|below|at most|up to|over|above|at least) {_N}",
        r"\g<w> \g<n>",
    ),
    (
        rf"\b{_N}\s*(?:max(?:imum)?|tops|or (?:less|cheaper|under|below)|and (?:under|below)|at most|"
        rf"budget|limit)\b{_LAST}",
        r"at most \g<n>",
    ),
    (
        rf"\b{_N}\s*(?:min(?:imum)?|or (?:more|above|over)|and (?:up|above|over)|at least)\b{_LAST}",
        r"at least \g<n>",
    ),
    (
        rf"\b(?:from )?{_N}\s*(?:or|and) (?:later|newer)\b(?!\s+than)|\bfrom (?P<m>\d{{4}}) on(?:wards?)?\b",
        r"at least \g<n>\g<m>",
    ),
    (rf"\b{_N}\s*(?:or|and) (?:earlier|older)\b(?!\s+than)", r"at most \g<n>"),
    (rf"(?<!\w)<\s*=?\s*{_N}", r"under \g<n>"),
    (rf"(?<!\w)>\s*=?\s*{_N}", r"over \g<n>"),
    (rf"\bexactly {_N}", r"between \g<n> and \g<n>"),
    (rf"\b(?:less|lower|cheaper) then {_N}", r"less than \g<n>"),
    (rf"\bspend(?:ing)? (?:about |around |only )?{_N}", r"at most \g<n>"),
    (rf"\bnewer than {_N}", r"after \g<n>"),
    (rf"\bolder than {_N}", r"before \g<n>"),
)
_AMOUNT = re.compile(
    r"(?:\b(?P<for>for|at)\s+|(?<![\w.,-]))(?P<n>(?:[$€£]\s?\d{1,9}(?:[.,]\d{1,2})?|"
    r"\d{1,9}(?:[.,]\d{1,2})?(?P<money>\s?(?:[$€£]|(?:dollars?|euros?|bucks|usd|eur)\b))?))\W*$",
    re.IGNORECASE,
)
"""A bare amount at the end: "a blender for 50", "blender 50€", "50"."""
_COMPARED = re.compile(
    r"(?:under|over|above|below|than|then|most|least|to|and|or|between|from|around|about|exactly|max|min|"
    r"of|after|before|since|beyond|past|exceeding|within|is|[<>=~-])\s*$",
    re.IGNORECASE,
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), to) for pattern, to in _REWRITES)
_AROUND = re.compile(
    rf"\b(?:around|about|roughly|approximately|approx\.?|circa|~)\s*{_N}"
    r"(?!\s*(?:players?|people|years?|hours?|minutes?|inch|cm|gb|kg))",
    re.IGNORECASE,
)
_SMALL = 10
"""Below it a bare number may be a card's place, or so many people."""
_CLOSE = 0.25
"""How far "around" reaches to both sides."""


def plain_limits(text: str) -> str:
    """Return the text with spelt numbers and idioms of limits in plain form."""
    text = plain_numbers(text)
    for pattern, to in _PATTERNS:
        text = pattern.sub(to, text)
    text = _AMOUNT.sub(_amount, text)
    return _AROUND.sub(_around, text)


def _amount(match: re.Match[str]) -> str:
    """Read a bare amount as what may be spent, where it is plainly money."""
    before = match.string[: match.start()]
    number = float(re.sub(r"[^\d.,]", "", match["n"]).replace(",", "."))
    paid = bool(match["money"]) or match["n"][0] in "$€£"
    alone = not re.search(r"\w", before)
    plain = number >= _SMALL and not 1900 <= number < 2100 and (match["for"] or alone)
    if _COMPARED.search(before) or not (paid or plain):
        return match[0]
    return f" at most {match['n']}"


def _around(match: re.Match[str]) -> str:
    number = float(re.sub(r"[^\d.,]", "", match["n"]).replace(",", "."))
    if number >= 1900 and number < 2100:
        return match[0]
    return f"between {number * (1 - _CLOSE):.2f} and {number * (1 + _CLOSE):.2f}"
