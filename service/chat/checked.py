"""What of a model's reading may count: what the message, the cards and the catalogue bear out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.numbers import plain_numbers
from re2llm.catalog.said import KINDS
from re2llm.service.chat import phrases
from re2llm.service.chat.fillers import META
from re2llm.service.chat.lexicon import Lexicon
from re2llm.service.chat.listed import binding
from re2llm.service.chat.memory import Facet, Memory
from re2llm.service.chat.reading import Reading
from re2llm.service.chat.references import find_cards
from re2llm.service.chat.understanding import NOT_CARD, begins_anew
from re2llm.service.chat.understood import Act, Limit, Said, Understood

_MOST = 8
"""Words that a model may add to a wish."""
_DIGITS = re.compile(r"(\d[\d.,]*)\s*(k\b)?", re.IGNORECASE)
_SPELT = re.compile(r"of (\d+(?:\.\d+)?)(?!\.?\w)")
_LONGEST = 5
"""Words of a spelt number."""
_SAME = {"price": frozenset(words("price budget money cost spend pay afford expensive"))}
_STEPS = {"cheaper": -1, "dearer": 1, "same": 0}
_ABOUT_CARDS = frozenset({Act.MORE, Act.EXPLAIN, Act.TAKE, Act.LIKE, Act.REJECT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Checks readings of one message.

    Limits, refusals and references that the rules read hold whatever the model says: they are
    exact. A model may add what the message says in other words: kinds of items, words, bounds whose
    numbers stand in the text.

    Attributes:
        text: the message, as `as_plain` returns it.
        ruled: what the rules make of it.
        cards: what is shown.
    """

    lexicon: Lexicon
    text: str
    ruled: Understood
    memory: Memory
    cards: Sequence[Item]

    def understood(self, reading: Reading) -> Understood | None:
        """Return what a reading comes to, or None where the message does not bear it out."""
        act = Act(reading.act)
        if self._denies(act):
            return None
        if act is Act.WISH:
            return self._wish(reading)
        explicit = [place + 1 for place in find_cards(self.text, self.cards)]
        places = explicit or self._there(reading.cards)
        if act in (Act.TAKE, Act.LIKE) and (not places or NOT_CARD.search(self.text)):
            return None
        fact = self.text if act is Act.EXPLAIN else None
        unknown = self.ruled.unknown if act in (Act.REJECT, Act.UNCLEAR) else []
        return Understood(act=act, cards=places, fact=fact, unknown=unknown, by="model")

    def _denies(self, act: Act) -> bool:
        """Say whether what the rules surely read, or what is shown, speaks against an act."""
        ruled = self.ruled
        if act in _ABOUT_CARDS and not self.cards:
            return True
        if ruled.act in (Act.TAKE, Act.LIKE) or ruled.beyond:
            return act is not ruled.act
        if ruled.act is Act.EXPLAIN and act is Act.MORE:
            return True  # a question about cards asks for no others
        lifted = (ruled.drop, ruled.allow, ruled.allow_words)
        firm = any((*lifted, ruled.limits, ruled.avoid, ruled.avoid_words, ruled.refuse))
        sure = firm or ruled.facets or ruled.like is not None or ruled.step or ruled.newer
        return ruled.act is Act.WISH and bool(sure) and act is not Act.WISH

    def _wish(self, reading: Reading) -> Understood | None:
        ruled = self.ruled
        if ruled.act is Act.WISH and (ruled.like is not None or ruled.refuse):
            return None  # what points at cards is read exactly
        avoid, avoid_words = self._unwanted(reading)
        facets, wanted = self._wanted(reading, [*avoid, *_facets(ruled.allow)])
        if ruled.facets and not (facets or wanted or avoid):
            return None
        kinds = {facet.attribute for facet in (*facets, *avoid)}
        facets += [facet for facet in _facets(ruled.facets) if facet.attribute not in kinds]
        limits = self._limits(reading)
        like = self._like(reading)
        found = Understood(
            act=Act.WISH,
            words=[w for w in wanted if w not in avoid_words and w not in ruled.allow_words],
            facets=_said(facets),
            limits=limits,
            avoid=_said(avoid),
            avoid_words=avoid_words,
            allow=ruled.allow,
            allow_words=ruled.allow_words,
            drop=self._dropped(reading),
            refuse=self._there(reading.refused) if NOT_CARD.search(self.text) else [],
            like=like,
            step=ruled.step or (0 if limits else self._step(reading)),
            newer=ruled.newer,
            best=ruled.best,
            also=ruled.also,
            fresh=begins_anew(self.text, facets, wanted, self.memory),
            correction=bool(self.cards) and (reading.correction or ruled.correction),
            unknown=[] if facets or wanted else ruled.unknown,
            taken=ruled.taken,
            anything=ruled.anything,
            by="model",
        )
        empty = Understood(
            act=Act.WISH,
            by="model",
            unknown=found.unknown,
            taken=found.taken,
            correction=found.correction,
        )
        return None if found == empty else found

    def _wanted(self, reading: Reading, avoid: Sequence[Facet]) -> tuple[list[Facet], list[str]]:
        """Return facets and words that were said, or, where the message has words of no item, kinds.

        A message that names a kind of the shop, or says nothing new ("under 50"), leaves nothing
        to be guessed.
        """
        here = set(words(self.text))
        named = any(facet.attribute in KINDS for facet in self.ruled.facets)
        guess = bool(self.ruled.unknown) and not named
        held = {facet for card in self.cards for facet in _held(card)}
        facets: list[Facet] = []
        left: list[str] = []
        for phrase in reading.wanted[:_MOST]:
            found, rest = self.lexicon.find(words(phrase)[:_MOST])
            for facet in found:
                said = set(words(facet.value)) <= here or facet in held
                if said or (guess and facet.attribute in KINDS):
                    facets.append(facet)
            left.extend(word for word in rest if guess or word in here)
        facets = [facet for facet in dict.fromkeys(facets) if facet not in avoid]
        facets, describing = binding(self.text, facets, self.lexicon)
        left.extend(word for facet in describing for word in words(facet.value))
        known = self.lexicon.known - META
        return facets, [w for w in dict.fromkeys(left) if w in known and not w.isdigit()][:_MOST]

    def _unwanted(self, reading: Reading) -> tuple[list[Facet], list[str]]:
        """Join the rules' refusals with the model's, where the message says their words."""
        here = set(words(self.text))
        avoid, avoid_words = _facets(self.ruled.avoid), list(self.ruled.avoid_words)
        for phrase in reading.unwanted[:_MOST]:
            found, rest = self.lexicon.find([word for word in words(phrase) if word in here])
            avoid.extend(found)
            avoid_words.extend(w for w in rest if w in self.lexicon.known and w not in META)
        return list(dict.fromkeys(avoid)), list(dict.fromkeys(avoid_words))

    def _limits(self, reading: Reading) -> list[Limit]:
        """Take the rules' limits; of the model's, those on other numbers that the text says."""
        limits = list(self.ruled.limits)
        said = numbers_said(self.text)
        for bound in reading.limits:
            ends = [end for end in (bound.low, bound.high) if end is not None]
            known = bound.attribute in self.lexicon.numeric
            taken = bound.attribute in {limit.attribute for limit in limits}
            crossed = len(ends) > 1 and ends[0] > ends[1]
            if known and ends and not taken and not crossed and said.issuperset(ends):
                limits.append(Limit(attribute=bound.attribute, low=bound.low, high=bound.high))
        return limits

    def _dropped(self, reading: Reading) -> list[str]:
        """Lift a limit only where the message names what it is about."""
        here = set(words(self.text))
        named = [
            name
            for name in reading.lifted
            if here & (_SAME.get(name, frozenset()) | set(words(name)))
            and name not in {limit.attribute for limit in self.ruled.limits}
        ]
        return list(dict.fromkeys((*self.ruled.drop, *named)))

    def _like(self, reading: Reading) -> int | None:
        points = phrases.SIMILAR.search(self.text) and not NOT_CARD.search(self.text)
        there = self._there([reading.like] if reading.like is not None and points else [])
        return there[0] if there else None

    def _step(self, reading: Reading) -> int:
        return _STEPS[reading.price] if self.cards and "price" in self.lexicon.numeric else 0

    def _there(self, places: Sequence[int]) -> list[int]:
        return list(dict.fromkeys(place for place in places if 1 <= place <= len(self.cards)))


def numbers_said(text: str) -> set[float]:
    """Return every number of a text, in digits or words, in each way that it can be read."""
    found: set[float] = set()
    for match in _DIGITS.finditer(text):
        written = match[1].rstrip(".,")
        for plain in (written.replace(",", ""), written.replace(".", "").replace(",", ".")):
            if plain.count(".") <= 1:
                found.add(float(plain) * (1000 if match[2] else 1))
    pieces = text.split()
    for place in range(len(pieces)):
        told = plain_numbers("of " + " ".join(pieces[place : place + _LONGEST]))
        if spelt := _SPELT.match(told):
            found.add(float(spelt[1]))
    return found


def _held(card: Item) -> list[Facet]:
    return [
        Facet(name, entry)
        for name, value in card.attributes.items()
        for entry in (value if isinstance(value, tuple) else (value,))
        if isinstance(entry, str)
    ]


def _facets(said: Sequence[Said]) -> list[Facet]:
    return [Facet(each.attribute, each.value) for each in said]


def _said(facets: Sequence[Facet]) -> list[Said]:
    return [Said(attribute=facet.attribute, value=facet.value) for facet in facets]
