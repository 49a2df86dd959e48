"""What of a shop's raw text is kept: plain words, without markup, controls or hidden marks."""

import html
import re
import unicodedata

TITLE_LIMIT = 300
"""Characters of a title that are kept."""
DESCRIPTION_LIMIT = 1000
"""Characters of a description that are kept."""

_TAG = re.compile(
    r"</?(?:a|b|big|br|center|div|em|font|h[1-6]|i|img|li|ol|p|small|span|strong|sub|sup|table|"
    r"tbody|td|tr|u|ul)(?:\s[^<>]{0,500})?\s*/?>",
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_ODD = re.compile(r"[^\x20-\x7e]|[&<]|  ")
_SPACES = re.compile(r"\s+")
_HIDDEN = frozenset({"Cf", "Cs", "Co", "Cn"})
_BREAKS = frozenset({"Cc", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Some scripts are spelt with these, and emoji are joined by them; alone they show nothing."""
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters by category, blank to the eye."""


def clean_text(raw: str, limit: int = TITLE_LIMIT) -> str:
    """Return the plain words of a text, at most `limit` characters.

    HTML entities are resolved, those escaped several times as well; common tags, scripts, controls
    and line ends become spaces; bidirectional and other invisible marks, surrogates, private and
    unassigned characters vanish; runs of white space become one. The result is in Unicode's
    composed form, and cleaning it again changes nothing.
    """
    text = raw[: 8 * limit]
    while _ODD.search(text):
        cleaned = _once(text)[:limit].strip()
        if cleaned == text:
            break
        text = cleaned
    else:
        text = text.strip()[:limit].strip()
    return text if text.strip(_JOINERS + " ") else ""


def has_hidden(text: str) -> bool:
    """Say whether a text holds controls or invisible marks, as no identifier should."""
    if text.isascii():
        return not text.isprintable()
    return any(_shown(character) != character for character in text)


def _once(text: str) -> str:
    text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub(" ", _SCRIPT.sub(" ", text))
    if not text.isascii() or not text.isprintable():
        text = unicodedata.normalize("NFC", "".join(map(_shown, text)))
    return _SPACES.sub(" ", text)


def _shown(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    if character in _JOINERS:
        return character
    if character in _BLANKS:
        return " "
    category = unicodedata.category(character)
    if category in _HIDDEN:
        return ""
    return " " if category in _BREAKS else character
