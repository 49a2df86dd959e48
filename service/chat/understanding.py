"""Understanding a message by rules: plain English, no model, the same answer every time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.catalog.retrieve.wishes import read_wish
from re2llm.catalog.said import KINDS
from re2llm.service.chat import phrases
from re2llm.service.chat.closed import as_plain, closed
from re2llm.service.chat.fillers import META, QUIET
from re2llm.service.chat.idioms import plain_limits
from re2llm.service.chat.lexicon import Lexicon
from re2llm.service.chat.lifted import allowed, dropped
from re2llm.service.chat.listed import binding, completed
from re2llm.service.chat.memory import Facet, Memory
from re2llm.service.chat.references import extreme, find_cards, points_beyond, says_all, says_it
from re2llm.service.chat.spelling import mended, nearly
from re2llm.service.chat.understood import Act, Limit, Said, Understood
from re2llm.service.chat.unwanted import KIND_MEANT, unwanted

NOT_CARD = re.compile(
    r"\b(?:not|without|except|but not|anything but|don'?t (?:like|want)|hate|dislike|skip|remove)"
    r"\s+(?:the |that |this |number |#)",
    re.IGNORECASE,
)
_ONLY_CARD = re.compile(r"\b(?:the|that|this|number|item|option|one)\b|#", re.IGNORECASE)
_NO = re.compile(
    r"^\W*(?:no|nope|nah)\s+(?=(?:i|i'm|i'd|we|give|show|find|let|make|please|actually|wait|sorry|get)\b)",
    re.IGNORECASE,
)
"""An answer, which refuses nothing by name: "no I want a printer"."""
_CLAUSE = re.compile(
    r"\b(?:i(?:'m| am)? not(?: really)? (?:looking for|after|interested in)|"
    r"i (?:hate|dislike|can'?t stand)|no more(?! than)|anything but|other than|except)\b",
    re.IGNORECASE,
)
_ONES = re.compile(r"\bones\b", re.IGNORECASE)
_THAN = re.compile(r"\bthan\b(.*)", re.DOTALL)
_WORD = re.compile(r"\w+(?:['-]\w+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainUnderstanding:
    """Reads messages by rules."""

    lexicon: Lexicon

    def understand(
        self, message: str, memory: Memory, cards: Sequence[Item], *, about: Item | None = None
    ) -> Understood:
        """Say what a message means where these cards are shown.

        Args:
            message: as the shopper wrote it.
            memory: the wish so far.
            cards: what is shown.
            about: the item that was talked about last, shown still or not: "not that brand".
        """
        text = as_plain(message)
        told = closed(text)
        if told is not None and told.act is Act.HOSTILE:
            found = self._wish(text, memory, cards, about)
            named = found.act is Act.WISH and (found.facets or found.limits)
            return found.model_copy(update={"unknown": []}) if named else told
        return (
            told
            or self._about_cards(text, memory, cards)
            or _only_named(text, self._wish(text, memory, cards, about), cards)
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
            return self._similar(text, memory, cards, (pointed or [1])[0])
        if negated and pointed and not KIND_MEANT.search(text):
            return Understood(act=Act.WISH, refuse=pointed)
        if beyond and _ONLY_CARD.search(text):
            return Understood(act=Act.UNCLEAR, beyond=True)
        if phrases.TAKE.search(text) and not negated and (pointed or says_it(text)):
            return Understood(act=Act.TAKE, cards=pointed or ([1] if len(cards) == 1 else []))
        if phrases.PICK.search(text) and not negated:
            return Understood(act=Act.EXPLAIN, cards=pointed or [1], fact=text)
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

    def _similar(self, text: str, memory: Memory, cards: Sequence[Item], place: int) -> Understood:
        """Read what is said beside the likeness: "like the second one, but black"."""
        card = cards[place - 1]
        named = set(words(card.title))
        found = self._wish(phrases.SIMILAR.sub(" ", text), memory, cards, card)
        return Understood(
            act=Act.WISH,
            like=place,
            cards=[place] if found.step or found.newer else [],
            words=[word for word in found.words if word not in named],
            facets=[each for each in found.facets if not set(words(each.value)) <= named],
            limits=found.limits,
            avoid=found.avoid,
            avoid_words=found.avoid_words,
            step=found.step,
            newer=found.newer,
        )

    def _wish(
        self, text: str, memory: Memory, cards: Sequence[Item], about: Item | None = None
    ) -> Understood:
        """Read what is wanted and what not; what is left over decides what else it may be."""
        drop, rest = dropped(text)
        plain = plain_limits(_CLAUSE.sub("not", _NO.sub("no, ", rest)))
        wish = read_wish(plain)
        limits = [Limit(attribute=a, low=r.low, high=r.high) for a, r in wish.ranges.items()]
        no = unwanted(text, wish.without, cards, about, self.lexicon)
        spelt = mended(wish.words, self.lexicon)
        said, left = self.lexicon.find(spelt.words)
        facets, describing = binding(text, [f for f in said if f not in no.facets], self.lexicon)
        left.extend(word for facet in describing for word in words(facet.value))
        facets, left = completed(text, facets, left, memory, self.lexicon)
        goods = self.lexicon.goods.intersection(left)
        content = [w for w in left if w not in META and w not in goods and not w.isdigit()]
        known = [word for word in content if word in self.lexicon.known]
        strange = [w for w in content if w not in self.lexicon.known and not nearly(w, QUIET)]
        unknown = _as_said(text, strange)
        allow, allow_words = allowed(text, facets, known, memory)
        facets = [facet for facet in facets if facet not in allow]
        known = [word for word in known if word not in allow_words]
        several = facets or known or not cards or _ONES.search(text)
        best = extreme(text) if several else None
        step = _step(text, cards) if not (limits or best) else 0
        newer = _newer(text) if not any(limit.attribute == "year" for limit in limits) else 0
        beside = _THAN.search(text) if step or newer else None
        correction = bool(phrases.CORRECT.search(text)) and bool(cards)
        found = Understood(
            act=Act.WISH,
            words=known,
            facets=[Said(attribute=f.attribute, value=f.value) for f in facets],
            limits=limits,
            avoid=[Said(attribute=f.attribute, value=f.value) for f in no.facets],
            avoid_words=list(no.words),
            allow=[Said(attribute=f.attribute, value=f.value) for f in allow],
            allow_words=allow_words,
            drop=drop,
            step=step,
            newer=newer,
            best=best,
            also=bool(phrases.ALSO.search(text)),
            cards=_places(find_cards(beside[1], cards)) if beside else [],
            fresh=begins_anew(text, facets, known, memory),
            correction=correction,
            unknown=unknown,
            taken=_as_written(text, dict((*no.taken, *spelt.taken))),
            anything=bool(goods) and not (known or facets),
        )
        wanted = known or facets or limits or drop or step or newer or best
        changes = wanted or no.facets or no.words or allow or allow_words
        return found if changes else _other(text, found, memory, cards)


def _only_named(text: str, found: Understood, cards: Sequence[Item]) -> Understood:
    """Take a message that does nothing but name shown cards as a question about them."""
    idle = found.act is Act.UNCLEAR or (found.act is Act.WISH and found == Understood(act=Act.WISH))
    places = _places(find_cards(text, cards)) if idle and not found.unknown else []
    return Understood(act=Act.EXPLAIN, cards=places, fact=text) if places else found


def _other(text: str, found: Understood, memory: Memory, cards: Sequence[Item]) -> Understood:
    """Say what a message is that asks for nothing by name."""
    if phrases.MORE.search(text):
        return Understood(act=Act.MORE)
    something = cards or not memory.empty or memory.ranges
    if something and (phrases.REJECT.search(text) or found.correction):
        return Understood(act=Act.REJECT, unknown=found.unknown)
    if found.anything or phrases.ANYTHING.search(text):
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


def _as_written(text: str, taken: Mapping[str, str]) -> dict[str, str]:
    return {_as_said(text, [stem])[0]: value for stem, value in taken.items()}


def _newer(text: str) -> int:
    if phrases.NEWER.search(text):
        return 1
    return -1 if phrases.OLDER.search(text) else 0


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
