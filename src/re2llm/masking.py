"""What of a trace may leave the house: what tells nothing of anybody; the rest is masked.

Fails closed. In what goes into a run and comes out of it, text passes only under names that are
known to hold ids, versions, or words of our own, and there without addresses, numbers and keys.
Whatever else is text, of a type that is not known, or nested too deep to be looked at, is replaced.
"""

import re
from collections.abc import Mapping

MASKED = "[masked]"
PASSING = frozenset(
    {
        *("slate_id", "session_id", "tenant", "session", "given_candidates", "candidates"),
        *("item_id", "items", "base_items", "model_items", "cards", "slate", "chosen", "shown"),
        *("hint_id", "hint_ids", "policy", "eligible", "status", "degraded", "notes", "step"),
        *("type", "role", "id", "model", "model_name", "finish_reason", "system_fingerprint"),
        "target",
    }
)
"""Names of inputs and outputs that text may stand under: ids, versions, facts of the catalogue."""
_OURS = frozenset({"hint", "also"})
"""A `text` under these is a hint's: seen by all shoppers, written by none."""
SHOPPERS_WORDS = frozenset({"request", "source", "messages", "content", "memory", "notices"})
"""Names that hold what a shopper said, or who said it: masked whole wherever they stand."""
_WHOLE = SHOPPERS_WORDS | {"understood", "lead", "answer", "reasons"}
_SAID = frozenset({"messages", "content", "text", "prompts"})
"""Where a model is asked or answers; see `_said`."""
_PROMPT = "<session>\n"
"""Our ranking and reflection prompts begin so; what a shopper said in them stands in a tag."""
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
_NAME = re.compile(r"\S{1,80}")
_WORD = re.compile(r"\w+")
_LABEL = re.compile(r"ranking|[A-Za-z]|[A-Z]{1,2}[1-9]")


def mask(value: object) -> dict[str, object]:
    """Mask a run's inputs or outputs; also fit for `langsmith.Client(anonymizer=...)`."""
    masked = _mask(value, ("", ""), 0)
    return masked if isinstance(masked, dict) else {"value": masked}


def mask_about(value: object, name: str = "", depth: int = 0) -> object:
    """Mask what is said about a run (metadata, tags): less strictly, for no shopper writes it."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth > _DEEPEST or name in SHOPPERS_WORDS:
        return MASKED
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {_name(k): mask_about(v, _name(k), depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_about(entry, name, depth + 1) for entry in value]
    return MASKED


def mask_error(error: str) -> str:
    """Keep the kind of an error; its words may repeat what was asked."""
    kind = re.match(r"[A-Za-z_][\w.]*(?=\(|:|$)", error)
    return f"{kind[0]}: {MASKED}" if kind else MASKED


def mask_text(text: str) -> str:
    """Replace addresses, numbers of people and accounts, keys, and what a shopper said."""
    if _SUSPECT.search(text):
        for pattern in _PATTERNS:
            text = pattern.sub(MASKED, text)
    return text


def _mask(value: object, names: tuple[str, str], depth: int) -> object:
    """Mask a value under its name and the name above it."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth > _DEEPEST:
        return MASKED
    above, name = names
    if isinstance(value, str):
        return _text(value, above, name)
    if name in _WHOLE and name not in _SAID:
        return MASKED
    if isinstance(value, Mapping):
        named = ((_key(key), entry) for key, entry in value.items())
        return {key: _mask(entry, (name, key), depth + 1) for key, entry in named}
    if isinstance(value, (list, tuple)):
        return [_mask(entry, names, depth + 1) for entry in value]
    return MASKED


def _text(text: str, above: str, name: str) -> str:
    if not text:
        return text
    if name in PASSING or (name == "text" and above in _OURS):
        return mask_text(text)
    if (above == "kwargs" or name == "prompts") and text.startswith(_PROMPT):
        return mask_text(text)
    if name in _SAID and all(_LABEL.fullmatch(word) for word in _WORD.findall(text)):
        return text
    return MASKED


def _key(key: object) -> str:
    """Return a name of inputs or outputs; words with blanks between them are none."""
    name = _name(key)
    return name if _NAME.fullmatch(name) else MASKED


def _name(key: object) -> str:
    return mask_text(key if isinstance(key, str) else str(key))
