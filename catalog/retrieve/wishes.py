"""What a shopper's sentence asks for: bounds, things not wanted, and words that are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from re2llm.catalog.filters import Range
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.bounds import read_bounds
from re2llm.catalog.retrieve.numbers import plain_numbers

LONGEST = 1000
"""Characters of a request that are read."""

_NOT = re.compile(
    r"\b(?:not|no|without|except(?: for)?|excluding|exclude|nothing|anything but|avoid(?:ing)?|"
    r"other than|apart from|aside from|instead of|rather than|i (?:hate|dislike)|never|"
    r"(?:do not|don't|doesn't|didn't|won't|can't|cannot|isn't|aren't)(?: (?:like|want|need|play|"
    r"watch|read|stand|enjoy|use|show me|give me|include|be))*)\s+"
    r"(?:(?:from|by|with|any|a|an|the|for|on|more|another|in|of|anything|to)\s+)*",
    re.IGNORECASE,
)
_END = re.compile(
    r"[.;!?()]|\s+(?:but|and|please|with|under|below|over|above|between|from|for|on|if|because|"
    r"since|which|that is)\b",
    re.IGNORECASE,
)
_LONGEST_NO = 120
"""Characters that one "no" is about, at most."""
_LAST = re.compile(r"(?:^|\s)(?:or|nor)\s", re.IGNORECASE)
_NO_MATTER = re.compile(
    r"\b(?:no matter|no (?:price |budget )?limits?|no preference|no problem|no idea|no rush|"
    r"no hurry|no worries|no doubt|no need|not sure|not bad|not necessarily|i don't know|"
    r"doesn't matter|(?:do not|don't|wouldn't) (?:mind|care))\b[^,.;!?]*",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"\b(?:nothing (?:but|except|other than)|none other than|not (?:only|just|merely|simply))\b",
    re.IGNORECASE,
)
_A_BIT = re.compile(
    r"\b(?:not|nothing|isn't|aren't|no)\s+(?:(?:be|is|that|which|anything)\s+)?"
    r"(?:too|very|so|that|overly|super|quite|really|as)\s+[\w-]+",
    re.IGNORECASE,
)
"""A matter of degree, which no label tells: "not too long" rules nothing out."""
_LISTED = re.compile(r"\s*,?\s+(?:or|nor)\s+|\s*,\s*", re.IGNORECASE)
_ASKING = frozenset(
    words(
        "I am me my we us want need wants would like looking look find show find give get buy "
        "please some something anything thing things stuff good great nice best really very "
        "more less than can could do does should may also just maybe one ones item items "
        "product products other another others new kind type sort recommend recommendation "
        "suggest suggestion under over between below above around about but not no only so "
        "too much cheap cheaper price priced dollar dollars euro euros buck bucks hi hello "
        "thanks thank budget spend money cost costs"
    )
)
_SOMEBODY = re.compile(
    r"\b(?:(?:for|to) )?(?:my|our|his|her|their)\s+"
    r"(?:(?:own|little|big|old|older|elder|younger|best|good|dear|new|late|future)\s+)*"
    r"(?:grand(?:mother|father|ma|pa|son|daughter|parent|kid)|mother|mum|mom|mummy|father|dad|daddy|"
    r"parent|wife|husband|partner|fianc[ée]e?|girlfriend|boyfriend|sister|brother|daughter|son|aunt|"
    r"uncle|niece|nephew|cousin|friend|colleague|coworker|boss|teacher|neighbou?r)"
    r"(?:[- ]in[- ]law)?(?:'?s'?)?"
    r"(?:\s+(?:\d+(?:st|nd|rd|th)\s+)?(?:birthday|anniversary|wedding))?\b|"
    r"\b(?:(?:birthday|christmas|xmas|anniversary|wedding|(?:mother|father|valentine)'?s day)\s+)?"
    r"(?:gift|present)s?\b(?!\s+(?:bag|basket|box|card|certificate|pack|paper|set|wrap))",
    re.IGNORECASE,
)
"""Whom something is for, and that it is given, which are no words of what it is."""
_GENERIC = frozenset(words("game games movie movies film films item items product thing stuff one"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request, read.

    Attributes:
        ranges: numeric attribute to the interval that was named.
        without: things not wanted, each as its words.
        words: what is left, as words that may describe an item.
        text: the same as text.
    """

    ranges: Mapping[str, Range] = field(default_factory=dict)
    without: tuple[tuple[str, ...], ...] = ()
    words: tuple[str, ...] = ()
    text: str = ""


NO_WISH = Wish()


def read_wish(request: str | None) -> Wish:
    """Read a request; whatever it says, it is never refused."""
    if not request or not request.strip():
        return NO_WISH
    text = " ".join(request[:LONGEST].replace("’", "'").split())
    ranges, text = read_bounds(plain_numbers(text))
    text = _SOMEBODY.sub(" ", text)
    text = _A_BIT.sub(" , ", _ONLY.sub(" ", _NO_MATTER.sub(" , ", text)))
    without: list[tuple[str, ...]] = []
    rest = ""
    while match := _NOT.search(text):
        rest, text = f"{rest}{text[: match.start()]} ", text[match.end() :]
        named = _unwanted(text)
        for phrase in _LISTED.split(named):
            found = words(phrase)
            kept = [word for word in found if word not in _GENERIC and word not in _ASKING]
            if kept:
                without.append(tuple(kept))
        text = text[len(named) :]
    left = tuple(dict.fromkeys(word for word in words(rest + text) if word not in _ASKING))
    return Wish(ranges=ranges, without=tuple(without), words=left, text=" ".join(left))


def _unwanted(text: str) -> str:
    """Return the beginning of a text that a "no" before it is about: a thing, or a list to "or"."""
    end = _END.search(text)
    clause = text[: end.start() if end else len(text)][:_LONGEST_NO]
    pieces = clause.split(",")
    last = next((n for n, piece in enumerate(pieces) if n and _LAST.search(piece)), 0)
    return ",".join(pieces[: last + 1])
