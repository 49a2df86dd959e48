"""What of untrusted text may reach a prompt: its words, never its power over the layout."""

import html
import re
import unicodedata
from functools import lru_cache

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, bidirectional and zero-width marks, surrogates, private and unassigned characters."""
_KEPT_JOINERS = frozenset({"\u200c", "\u200d"})
"""Some scripts need these between letters; alone they do nothing."""
_DELIMITERS = str.maketrans(
    {"<": "\u2039", ">": "\u203a", "|": "/", "\uff1c": "\u2039", "\uff1e": "\u203a", "\uff5c": "/"}
)
_LABEL = re.compile(r"\[\s*([A-Za-z]{1,2}[0-9]{1,2})\s*\]")
_LOOKED_AT = 8
_SPACES = re.compile(r"\s+")
_RUNS = re.compile(r"(.)\1{15,}")


def sanitise(text: str, limit: int) -> str:
    """Return the text on one line, without anything that the prompt's layout is made of.

    Entities are resolved; control, bidirectional and unassigned characters become spaces or vanish;
    `<`, `>` and `|` become look-alikes; a bracketed word shaped like a candidate's label loses its
    brackets; long runs of one character are cut; the whole is cut to `limit` characters.
    """
    return _clean(text[: _LOOKED_AT * limit], limit)


@lru_cache(maxsize=1 << 15)
def _clean(text: str, limit: int) -> str:
    if text.isascii() and text.isprintable() and len(text) <= limit and not _needs_work(text):
        return text.strip()
    text = html.unescape(text)
    text = "".join(_visible(character) for character in text)
    text = _LABEL.sub(r"(\1)", text.translate(_DELIMITERS))
    text = _SPACES.sub(" ", _RUNS.sub(lambda run: run.group(1) * 3, text)).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "\u2026"


def _needs_work(text: str) -> bool:
    return any(mark in text for mark in "<>|&[") or "  " in text or _RUNS.search(text) is not None


def _visible(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    if character in _KEPT_JOINERS:
        return character
    category = unicodedata.category(character)
    if category in _HIDDEN:
        return " " if category in ("Zl", "Zp", "Cc") else ""
    return character
