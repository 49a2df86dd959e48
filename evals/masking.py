"""What of a trace may leave the house: everything personal is masked, and so is the unknown.

Fails closed: a value of a type that is not known to be harmless, or nested too deep to be looked
at, is replaced and not passed on.
"""

import re
from collections.abc import Mapping

MASKED = "[masked]"
SHOPPERS_WORDS = frozenset({"request", "source"})
"""Fields that hold what a shopper said, or who said it: masked whole."""
_DEEPEST = 40
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"<request>.*?(</request>|\Z)",
        r"[\w.+-]+@[\w-]+(\.[\w-]+)+",
        r"\bbearer\s+[\w.~+/=-]+",
        r"\b(sk|pk|rk|lsv2|ls|hf|ghp|gho|xox[abp])[-_][\w-]{12,}",
        r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
        r"\bAKIA[0-9A-Z]{12,}\b",
        r"(?<![\w.])\+\d[\d ()/.-]{7,}\d\b",
        r"\b\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b",
        r"\b\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}\b",
        r"\b[A-Z]{2}\d{2}( ?[0-9A-Z]{4}){3,7}( ?[0-9A-Z]{1,3})?\b",
        r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b",
        r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",
    )
)


_SUSPECT = re.compile(
    r"[@<]|://|bearer|eyJ|AKIA|[-_][\w-]{12}|\d\.\d{1,3}\.\d|(?:\d[^0-9A-Za-z]{0,3}){7}",
    re.IGNORECASE,
)
"""What every pattern's matches hold; most texts hold none of it and are spared the patterns."""


def mask(value: object) -> dict[str, object]:
    """Mask the inputs, outputs, metadata or error of a run, as LangSmith's client hands them."""
    masked = _mask(value, 0)
    return masked if isinstance(masked, dict) else {"value": masked}


def mask_text(text: str) -> str:
    """Replace addresses, numbers of people and accounts, keys, and what a shopper said."""
    if _SUSPECT.search(text):
        for pattern in _PATTERNS:
            text = pattern.sub(MASKED, text)
    return text


def _mask(value: object, depth: int) -> object:
    if isinstance(value, str):
        return mask_text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth > _DEEPEST:
        return MASKED
    if isinstance(value, Mapping):
        return {_name(key): _field(key, entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mask(entry, depth + 1) for entry in value]
    return MASKED


def _name(key: object) -> str:
    return mask_text(key if isinstance(key, str) else str(key))


def _field(name: object, value: object, depth: int) -> object:
    if name in SHOPPERS_WORDS and isinstance(value, str) and value:
        return MASKED
    return _mask(value, depth)
