"""How people write numbers: thousands in groups, `k`, and words become plain digits.

What stands for no quantity stays as it is: "Ocean's Eleven" and "4k monitor" are not amounts.
"""

import re

MONEY = (
    r"(?:[$€£¥₹]|(?:dollars?|euros?|bucks|quid|usd|eur|gbp|chf|francs?|yen|rupees?|kron[eo]r)\b)"
)
"""A currency. Pounds are no currency here: they may be a weight."""
UNIT = (
    r"(?:-?\s*(?:years?|yrs?|months?|weeks?|days?|minutes?|mins?|hours?|hrs?|seconds?|secs?|"
    r"players?|people|persons?|kids?|children|adults?|pieces?|packs?|inch(?:es)?|cm|mm|m|km|miles?|"
    r"met(?:er|re)s?|feet|ft|foot|yards?|gb|tb|mb|kb|kg|g|grams?|kilos?|oz|ounces?|ml|l|lit(?:er|re)s?|"
    r"lbs?|pounds?|fps|hz|khz|mhz|ghz|w|watts?|volts?|mah|bits?|stars?|points?|pages?|levels?|"
    r"episodes?|seasons?|songs?|tracks?|reviews?|ratings?|votes?|calories|degrees|colou?rs?|copies|"
    r"buttons?|seats?|rooms?|mp|megapixels?|dpi|rpm|percent|cents?|times|million|billion|p|k)\b|"
    r"\s*[%\"°])"
)
"""What makes a number something else than money or a year."""
COMPARING = (
    r"(?:under|below|over|above|than|most|least|up to|within|max(?:imum)?(?: of)?|exceed(?:ing|s)?|"
    r"min(?:imum)?(?: of)?|between|from|beyond|past|budget(?: of| is)?|around|about|spend(?:ing)?|"
    r"limit(?: of| is)?|of|[<>≤≥]=?)"
)
_SMALL = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = {name: number for number, name in enumerate(_SMALL.split(), start=1)}
_TENS = {name: 10 * number for number, name in enumerate(_ROUND.split(), start=2)}
_BIG = {"hundred": 100, "thousand": 1000, "grand": 1000}
_NAMES = "|".join((*_ONES, *_TENS, *_BIG))
_SPELT = (
    rf"(?:a\s+(?=(?:{'|'.join(_BIG)})\b))?(?:{_NAMES})\b"
    rf"(?:(?:(?:(?<=hundred)|(?<=thousand))\s+and\s+|\s*-\s*|\s+)(?:{_NAMES})\b)*"
)
_OR_SO = r"\s+(?:(?:or|and) (?:less|more|under|below|over|above|cheaper|up)|max(?:imum)?|tops)\b"
_GROUPED = re.compile(
    r"(?<![\w.,'])(?:(\d{1,3}(?:,\d{2,3})*,\d{3})(\.\d{1,2})?|(\d{1,3}(?:\.\d{3})+)(,\d{1,2})?|"
    r"(\d{1,3}(?:['’]\d{3})+)([.,]\d{1,2})?)(?![\d'])(?![.,]\d)"
)
_SPACED = re.compile(
    rf"((?:\b|(?=[<>≤≥])){COMPARING}\s*{MONEY}?\s*|[$€£¥₹]\s?|\band\s+)"
    r"(\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+)(?![\d\w])",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(
    rf"((?:\b|(?=[<>≤≥])){COMPARING}\s*|[$€£¥₹]\s?|\band\s+)({MONEY}?\s*)(\d+(?:[.,]\d+)?)\s?"
    r"(?:k|grand|thousand)\b(?!\s*(?:resolution|video|monitor|tv|display|screen|movies?|uhd|hdr))",
    re.IGNORECASE,
)
_SAID = re.compile(
    rf"(?P<before>\b{COMPARING}\s+|\band\s+(?={_SPELT}(?:\s*-?\s*)(?:{MONEY}|{UNIT})))"
    rf"(?P<number>{_SPELT})|\b(?P<alone>{_SPELT})(?=\s*-?\s*(?:{MONEY}|{UNIT})|{_OR_SO})",
    re.IGNORECASE,
)


def plain_numbers(text: str) -> str:
    """Return the text with amounts in digits and a decimal point, "1.500,50 €" as "1500.50 €".

    An amount in groups or thousands that looks like a year is none: "2,000" becomes "2000.00".
    """
    text = _GROUPED.sub(_ungrouped, text)
    text = _SPACED.sub(lambda m: m[1] + _amount(re.sub(r"\D", "", m[2])), text)
    text = _THOUSANDS.sub(
        lambda m: m[1] + m[2] + _amount(f"{float(m[3].replace(',', '.')) * 1000:.0f}"), text
    )
    return _SAID.sub(_digits, text)


def _ungrouped(match: re.Match[str]) -> str:
    whole = match[1] or match[3] or match[5]
    part = match[2] or match[4] or match[6] or ""
    return (
        _amount(re.sub(r"\D", "", whole))
        if not part
        else (re.sub(r"\D", "", whole) + part.replace(",", "."))
    )


def _amount(digits: str) -> str:
    return f"{digits}.00" if 1900 <= int(digits) < 2100 else digits


def _digits(match: re.Match[str]) -> str:
    return (match["before"] or "") + str(_value(match["number"] or match["alone"]))


def _value(said: str) -> int:
    """Return what number words say: "two hundred and fifty" is 250, "fifteen hundred" 1500."""
    total, part = 0, 0
    for word in re.findall(r"[a-z]+", said.casefold()):
        if word in _BIG:
            part = max(part, 1) * _BIG[word]
            if _BIG[word] == 1000:
                total, part = total + part, 0
        else:
            part += _ONES.get(word, 0) or _TENS.get(word, 0)
    return total + part
