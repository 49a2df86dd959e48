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
        rf"\b(?:from )?{_N}\s*(?:or|and) (?:later|newer)\b|\bfrom (?P<m>\d{{4}}) on(?:wards?)?\b",
        r"at least \g<n>\g<m>",
    ),
    (rf"\b{_N}\s*(?:or|and) (?:earlier|older)\b", r"at most \g<n>"),
    (rf"(?<!\w)<\s*=?\s*{_N}", r"under \g<n>"),
    (rf"(?<!\w)>\s*=?\s*{_N}", r"over \g<n>"),
    (rf"\b(?:less|lower|cheaper) then {_N}", r"less than \g<n>"),
    (rf"\bspend(?:ing)? (?:about |around |only )?{_N}", r"at most \g<n>"),
    (rf"\bnewer than {_N}", r"after \g<n>"),
    (rf"\bolder than {_N}", r"before \g<n>"),
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), to) for pattern, to in _REWRITES)
_AROUND = re.compile(
    rf"\b(?:around|about|roughly|approximately|approx\.?|circa|~)\s*{_N}"
    r"(?!\s*(?:players?|people|years?|hours?|minutes?|inch|cm|gb|kg))",
    re.IGNORECASE,
)
_CLOSE = 0.25
"""How far "around" reaches to both sides."""


def plain_limits(text: str) -> str:
    """Return the text with spelt numbers and idioms of limits in plain form."""
    text = plain_numbers(text)
    for pattern, to in _PATTERNS:
        text = pattern.sub(to, text)
    return _AROUND.sub(_around, text)


def _around(match: re.Match[str]) -> str:
    number = float(re.sub(r"[^\d.,]", "", match["n"]).replace(",", "."))
    if number >= 1900 and number < 2100:
        return match[0]
    return f"between {number * (1 - _CLOSE):.2f} and {number * (1 + _CLOSE):.2f}"
