"""Understanding a message by rules: plain English, no model, the same answer every time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.wishes import read_wish
from re2llm.service.chat import phrases
from re2llm.service.chat.closed import as_plain, closed
from re2llm.service.chat.idioms import plain_limits
from re2llm.service.chat.lexicon import KINDS, Lexicon
from re2llm.service.chat.lifted import allowed, dropped
from re2llm.service.chat.memory import Facet, Memory
from re2llm.service.chat.references import find_cards, points_beyond, says_all, says_it, value_meant
from re2llm.service.chat.understood import Act, Limit, Said, Understood

META = frozenset(
    words(
        "no nope yes yeah ok okay sorry actually instead rather meant mean make made show see look "
        "one ones first second third fourth fifth last brand brands platform category kind kinds "
        "sort option options result results choice pick choose take buy add cart basket number "
        "please still now then though again too also as well but only just even different "
        "same similar like love hate wrong right bad nothing something anything everything "
        "idea ideas gift want wanted shop sell have got use used my your their there here it this "
        "that these those them they he she you we i for from by with at in on to of what which who "
        "why how when where tell more most than lot bit around about between under over below above "
        "cheap cheaper cheapest priciest dearest expensive affordable inexpensive premium money spend pay price "
        "priced budget limit max maximum min minimum least dollar dollars euro euros usd eur bucks "
        "dont don t didn did does do doesn is isn am are was be been being s m ll ve d re let lets "
        "go going come day today good nice great perfect cool fine really quite very pretty "
        "prefer preferably ideally must should could would can will may might maybe perhaps any all "
        "both each every such so if or nor none and not without except fan "
        "interested interest after search searching find recommend suggest suggestion give thing "
        "things stuff item items product products hi hello hey thanks thank anymore else other "
        "others another new matter matters care mind fact allow allowed include later back"
    )
)
KIND_MEANT = re.compile(
    r"\b(?:not|no|without|other than|except|hate|dislike|don'?t (?:like|want))\b[^.,;]{0,20}"
    r"\b(?P<what>brand|platform|category|make|maker)\b|\b(?:an?)?other (?P<other>brand|platform)s?\b|"
    r"\bdifferent (?P<different>brand|platform|category)\b",
    re.IGNORECASE,
)
NAMES = {"make": "brand", "maker": "brand"}
NOT_CARD = re.compile(
    r"\b(?:not|without|except|but not|anything but|don'?t (?:like|want)|hate|dislike|skip|remove)"
    r"\s+(?:the |that |this |number |#)",
    re.IGNORECASE,
)
_ONLY_CARD = re.compile(r"\b(?:the|that|this|number|item|option|one)\b|#", re.IGNORECASE)
_CLAUSE = re.compile(
    r"\b(?:i(?:'m| am)? not(?: really)? (?:looking for|after|interested in)|"
    r"i (?:hate|dislike|can'?t stand)|no more(?! than)|anything but|other than|except)\b",
    re.IGNORECASE,
)
LISTED = re.compile(r"\w(?:,| and| or)\s", re.IGNORECASE)
_THAN = re.compile(r"\bthan\b(.*)", re.DOTALL)
_WORD = re.compile(r"\w+(?:['-]\w+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainUnderstanding:
    """Reads messages by rules."""

    lexicon: Lexicon

    def understand(self, message: str, memory: Memory, cards: Sequence[Item]) -> Understood:
        """Say what a message means where these cards are shown."""
        text = as_plain(message)
        return (
            closed(text)
            or self._about_cards(text, memory, cards)
            or _only_named(text, self._wish(text, memory, cards), cards)
        )

    def _about_cards(self, text: str, memory: Memory, cards: Sequence[Item]) -> Understood | None:
        """Read what is said of shown items: taking, liking, asking, wanting similar ones."""
        if not cards:
            return None
        places = _places(find_cards(text, cards))
        focus = [place for place, card in enumerate(cards, 1) if card.item_id == memory.focus]
        pointed = places or (focus if says_it(text) else [])
        beyond = not places and points_beyond(text, cards)
        negated = bool(NOT_CARD.search(text))
        if phrases.SIMILAR.search(text) and (pointed or says_it(text)) and not negated:
            return self._similar(text, memory, (pointed or [1])[0])
        if negated and pointed and not KIND_MEANT.search(text):
            return Understood(act=Act.WISH, refuse=pointed)
        if beyond and _ONLY_CARD.search(text):
            return Understood(act=Act.UNCLEAR, beyond=True)
        if phrases.TAKE.search(text) and not negated and (pointed or says_it(text)):
            return Understood(act=Act.TAKE, cards=pointed or ([1] if len(cards) == 1 else []))
        if phrases.LIKE.search(text) and pointed and not negated:
            return Understood(act=Act.LIKE, cards=pointed)
        asks = phrases.EXPLAIN.search(text) or (text.endswith("?") and pointed)
        if asks and not phrases.OPENING.search(text):
            meant = pointed or ([1] if says_it(text) and not says_all(text) else [])
            if (
                meant
                or says_all(text)
                or re.search(r"\b(?:why|compare|difference|which)\b", text, re.I)
            ):
                return Understood(act=Act.EXPLAIN, cards=meant, fact=text)
        return None

    def _similar(self, text: str, memory: Memory, place: int) -> Understood:
        limits = self._wish(phrases.SIMILAR.sub(" ", text), memory, ())
        return Understood(act=Act.WISH, like=place, limits=limits.limits, step=limits.step)

    def _wish(self, text: str, memory: Memory, cards: Sequence[Item]) -> Understood:
        """Read what is wanted and what not; what is left over decides what else it may be."""
        drop, rest = dropped(text)
        plain = plain_limits(_CLAUSE.sub("not", rest))
        wish = read_wish(plain)
        limits = [Limit(attribute=a, low=r.low, high=r.high) for a, r in wish.ranges.items()]
        avoid: list[Facet] = []
        avoid_words: list[str] = []
        self._unwanted(text, wish.without, cards, avoid, avoid_words)
        said, left = self.lexicon.find(list(wish.words))
        facets = [facet for facet in said if facet not in avoid]
        if not LISTED.search(text):
            facets, describing = self.lexicon.narrowest(facets)
            left.extend(word for facet in describing for word in words(facet.value))
        content = [word for word in left if word not in META and not word.isdigit()]
        known = [word for word in content if word in self.lexicon.known]
        unknown = _as_said(text, [word for word in content if word not in self.lexicon.known])
        allow, allow_words = allowed(text, facets, known, memory)
        facets = [facet for facet in facets if facet not in allow]
        known = [word for word in known if word not in allow_words]
        step = _step(text, cards) if not limits else 0
        beside = _THAN.search(text) if step else None
        correction = bool(phrases.CORRECT.search(text)) and bool(cards)
        found = Understood(
            act=Act.WISH,
            words=known,
            facets=[Said(attribute=f.attribute, value=f.value) for f in facets],
            limits=limits,
            avoid=[Said(attribute=f.attribute, value=f.value) for f in avoid],
            avoid_words=avoid_words,
            allow=[Said(attribute=f.attribute, value=f.value) for f in allow],
            allow_words=allow_words,
            drop=drop,
            step=step,
            cards=_places(find_cards(beside[1], cards)) if beside else [],
            fresh=begins_anew(text, facets, known, memory),
            correction=correction,
            unknown=unknown,
        )
        changes = known or facets or limits or avoid or avoid_words or drop or step
        return found if changes or allow or allow_words else _other(text, found, bool(cards))

    def _unwanted(
        self,
        text: str,
        without: Sequence[Sequence[str]],
        cards: Sequence[Item],
        avoid: list[Facet],
        avoid_words: list[str],
    ) -> None:
        """Gather what is not wanted: named values, words, a card, or "that brand"."""
        for phrase in without:
            facets, left = self.lexicon.find(list(phrase))
            avoid.extend(facet for facet in facets if facet not in avoid)
            kept = [word for word in left if word in self.lexicon.known and word not in META]
            avoid_words.extend(kept)
        if cards and (match := KIND_MEANT.search(text)):
            said = next(group for group in match.groups() if group).lower()
            kind = NAMES.get(said, said)
            if not any(facet.attribute == kind for facet in avoid):
                avoid.extend(value_meant(cards, find_cards(text, cards), kind))


def _only_named(text: str, found: Understood, cards: Sequence[Item]) -> Understood:
    """Take a message that does nothing but name shown cards as a question about them."""
    idle = found.act is Act.UNCLEAR or (found.act is Act.WISH and found == Understood(act=Act.WISH))
    places = _places(find_cards(text, cards)) if idle and not found.unknown else []
    return Understood(act=Act.EXPLAIN, cards=places, fact=text) if places else found


def _other(text: str, found: Understood, shown: bool) -> Understood:
    """Say what a message is that asks for nothing by name."""
    if phrases.MORE.search(text):
        return Understood(act=Act.MORE)
    if shown and (phrases.REJECT.search(text) or found.correction):
        return Understood(act=Act.REJECT, unknown=found.unknown)
    if phrases.ANYTHING.search(text):
        return Understood(act=Act.WISH, anything=True)
    if found.unknown:
        return Understood(act=Act.UNCLEAR, unknown=found.unknown)
    if phrases.OPENING.search(text):
        return Understood(act=Act.WISH)
    return Understood(act=Act.UNCLEAR)


def _as_said(text: str, stems: Sequence[str]) -> list[str]:
    """Return words as the shopper wrote them."""
    written = {stem: word for word in _WORD.findall(text)[::-1] for stem in words(word)}
    return list(dict.fromkeys(written.get(stem, stem).casefold() for stem in stems))


def _step(text: str, cards: Sequence[Item]) -> int:
    if phrases.CHEAPER.search(text) or (phrases.CHEAP.search(text) and not find_cards(text, cards)):
        return -1
    return 1 if phrases.DEARER.search(text) else 0


def begins_anew(text: str, facets: Sequence[Facet], known: Sequence[str], memory: Memory) -> bool:
    """Say whether a wish begins anew: another kind of thing, or a new question in new words."""
    kinds = {facet for facet in facets if facet.attribute in KINDS}
    old = {facet for facet in memory.facets if facet.attribute in KINDS}
    if phrases.ALSO.search(text):
        return False
    if kinds:
        return not kinds <= old
    return bool(known and phrases.OPENING.search(text) and not phrases.PRONOUN.search(text))


def _places(found: Sequence[int]) -> list[int]:
    return [place + 1 for place in found]
