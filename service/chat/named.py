"""An item that a message names by its title: "something like The Matrix, but newer"."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from re2llm.catalog.items import Item

_LIKE = re.compile(
    r"(?<!\bi )(?<!\byou )(?<!\bwould )(?<!'d )(?<!\bdon't )(?<!\bnot )(?<!\breally )(?<!\balso )"
    r"\b(?:like|similar to|along the lines of|in the style of)\s+",
    re.IGNORECASE,
)
_END = re.compile(
    r"\s*(?:[,;.?!]|\s(?:but|and|or|only|please|under|below|over|above|from|for|in|not|without)\b)",
    re.IGNORECASE,
)
_QUOTES = " \t\n\"'“”„«»?!."


@dataclass(frozen=True, slots=True)
class Named:
    """An item that others should be like, and what the message says beside it."""

    item: Item
    rest: str


def like_named(text: str, titled: Callable[[str], Item | None]) -> Named | None:
    """Find the title that a message wants others to be like; None where it names none.

    Titles have commas and all sorts of words in them, so the longest one that is there is meant.

    Args:
        text: the message.
        titled: returns the item of a title, or None.
    """
    for like in _LIKE.finditer(text):
        said = text[like.end() :]
        ends = [len(said), *(match.start() for match in reversed(list(_END.finditer(said))))]
        for end in ends:
            if (title := said[:end].strip(_QUOTES)) and (item := titled(title)):
                return Named(item, f"{text[: like.start()]} {said[end:]}".strip())
    return None
