"""What a message does not want: named values, words, or "that brand"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from re2llm.catalog.items import Item
from re2llm.service.chat.fillers import META
from re2llm.service.chat.lexicon import Lexicon
from re2llm.service.chat.memory import Facet
from re2llm.service.chat.references import find_cards, value_meant
from re2llm.service.chat.spelling import mended

KIND_MEANT = re.compile(
    r"\b(?:not|no|without|other than|except|hate|dislike|don'?t (?:like|want))\b[^.,;]{0,20}"
    r"\b(?P<what>brand|platform|category|make|maker)\b|\b(?:an?)?other (?P<other>brand|platform)s?\b|"
    r"\bdifferent (?P<different>brand|platform|category)\b",
    re.IGNORECASE,
)
_NAMES = {"make": "brand", "maker": "brand"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """What is not wanted.

    Attributes:
        taken: misspelt words, each with the value that it was taken for.
    """

    facets: tuple[Facet, ...] = ()
    words: tuple[str, ...] = ()
    taken: tuple[tuple[str, str], ...] = ()


def unwanted(
    text: str,
    without: Sequence[Sequence[str]],
    cards: Sequence[Item],
    about: Item | None,
    lexicon: Lexicon,
) -> Unwanted:
    """Gather what a message does not want.

    Args:
        text: the message.
        without: the phrases behind its "not", as words.
        cards: what is shown.
        about: the item that was talked about last: "that brand" is its brand.
        lexicon: what the shop calls things.
    """
    facets: list[Facet] = []
    plain_words: list[str] = []
    taken: list[tuple[str, str]] = []
    for phrase in without:
        plain = mended(phrase, lexicon)
        taken.extend(plain.taken)
        found, left = lexicon.find(plain.words)
        facets.extend(facet for facet in found if facet not in facets)
        plain_words.extend(word for word in left if word in lexicon.known and word not in META)
    if cards and (match := KIND_MEANT.search(text)):
        said = next(group for group in match.groups() if group).lower()
        kind = _NAMES.get(said, said)
        if not any(facet.attribute == kind for facet in facets):
            meant = [cards[place] for place in find_cards(text, cards)]
            facets.extend(value_meant(meant or ([about] if about else cards), kind))
    return Unwanted(facets=tuple(facets), words=tuple(plain_words), taken=tuple(taken))
