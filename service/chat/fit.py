"""How a wish is fitted to the shop: what is given up, aloud, where nothing has it all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.catalog.said import KINDS
from re2llm.service.chat.memory import Facet, Memory, names
from re2llm.service.chat.say import range_text
from re2llm.service.chat.shelf import Shelf
from re2llm.service.chat.vocabulary import Vocabulary

_MOST_UNWANTED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A wish that some item meets, or not.

    Attributes:
        lead: what was given up, or, where nothing fits, which limits are in the way.
        unwanted: items that the wish would bring and that its refusals rule out, the first few.
    """

    memory: Memory
    possible: bool
    lead: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """Fits wishes. Looks at every item, so call it beside the event loop."""

    shelf: Shelf
    vocabulary: Vocabulary

    def fit(self, memory: Memory, exclude: Sequence[str], *, firm: bool = False) -> Fitted:
        """Give up what describes, then widen the kind; limits and refusals are never given up.

        Args:
            memory: the wish.
            exclude: items that must not be shown.
            firm: whether nothing is given up: who wants more of something wants nothing else.
        """
        for tried in [memory] if firm else _loosened(memory):
            if self._count(tried, exclude):
                return self._fitted(tried, exclude, _given_up(memory, tried))
        if firm:
            return self._impossible(memory, exclude, memory.facets)
        kinds = tuple(facet for facet in memory.facets if facet.attribute in KINDS)
        wider = tuple(dict.fromkeys(each for kind in kinds for each in self._wider(kind)))
        tried = replace(memory, facets=wider)
        if wider and self._count(tried, exclude):
            held = [facet for facet in wider if self._has(tried, facet, exclude)]
            asked, near = _joined(memory.facets), _joined(held, " or ")
            lead = f"Nothing fits {asked} within the rest; what comes near is {near}."
            return self._fitted(replace(memory, facets=tuple(held)), exclude, (lead,))
        return self._impossible(memory, exclude)

    def _impossible(
        self, memory: Memory, exclude: Sequence[str], held: Sequence[Facet] = ()
    ) -> Fitted:
        lead = tuple(self._in_the_way(memory, exclude, held))
        return Fitted(memory=memory, possible=False, lead=lead)

    def without_old_words(
        self, memory: Memory, said: Sequence[str], exclude: Sequence[str]
    ) -> tuple[Memory, tuple[str, ...]]:
        """Forget older words where no item has them beside those said now; returns which.

        Who asks for coral ones and then for steel ones wants steel; "zelda", then "mario kart" are
        two wishes, and "headset", then "wireless" is one.
        """
        old = tuple(word for word in memory.words if word not in said)
        if not old or not said or self.shelf.says(memory, " ".join((*old, *said)), exclude):
            return memory, ()
        if not self.shelf.says(memory, " ".join(said), exclude):
            return memory, ()
        return replace(memory, words=tuple(said)), old

    def _fitted(self, memory: Memory, exclude: Sequence[str], lead: tuple[str, ...]) -> Fitted:
        unwanted: tuple[str, ...] = ()
        if memory.avoid or memory.avoid_words:
            unwanted = self.shelf.ruled_out(memory, exclude, _MOST_UNWANTED)
        return Fitted(memory=memory, possible=True, lead=lead, unwanted=unwanted)

    def _wider(self, kind: Facet) -> list[Facet]:
        """Return the other kinds whose name has the words of this one."""
        said = set(words(kind.value))
        return [
            facet
            for facet in self.vocabulary.now.counts
            if facet.attribute == kind.attribute
            and facet != kind
            and said <= set(words(facet.value))
        ]

    def _has(self, memory: Memory, facet: Facet, exclude: Sequence[str]) -> bool:
        return self._count(replace(memory, facets=(facet,)), exclude) > 0

    def _in_the_way(
        self, memory: Memory, exclude: Sequence[str], held: Sequence[Facet]
    ) -> Iterator[str]:
        """Say how many items there would be without one of the limits, or of what is held."""
        for what, without in (*_describing(memory, held), *_lifted(memory)):
            count = self._count(without, exclude)
            if count:
                yield f"Without “{what}” there would be {count}."

    def _count(self, memory: Memory, exclude: Sequence[str]) -> int:
        return int(self.shelf.meeting(memory, exclude).sum())


def silent(memory: Memory, cards: Sequence[Item]) -> list[str]:
    """Say which cards do not name a word of the wish, so that nobody takes it for granted."""
    told: list[str] = []
    for word in memory.words:
        places = [str(n) for n, card in enumerate(cards, 1) if not names(card, word)]
        if not places:
            continue
        if len(places) == len(cards):
            told.append(
                f"None of these says “{word}”." if len(cards) > 1 else f"It does not say “{word}”."
            )
        else:
            plural = len(places) > 1
            which = f"Number{'s' if plural else ''} {_listed(places)} do{'' if plural else 'es'}"
            told.append(f"{which} not say “{word}”.")
    return told


def _loosened(memory: Memory) -> Iterator[Memory]:
    """Yield the memory, then with ever fewer describing facets; kinds stay."""
    yield memory
    facets = list(memory.facets)
    for facet in reversed(memory.facets):
        if facet.attribute not in KINDS and len(facets) > 1:
            facets.remove(facet)
            yield replace(memory, facets=tuple(facets))


def _lifted(memory: Memory) -> Iterator[tuple[str, Memory]]:
    for name, one in memory.ranges.items():
        kept = {key: each for key, each in memory.ranges.items() if key != name}
        yield range_text(name, one), replace(memory, ranges=kept)
    for facet in memory.avoid:
        avoid = tuple(each for each in memory.avoid if each != facet)
        yield f"not {facet.value}", replace(memory, avoid=avoid)
    for word in memory.avoid_words:
        left = tuple(each for each in memory.avoid_words if each != word)
        yield f"not {word}", replace(memory, avoid_words=left)


def _describing(memory: Memory, held: Sequence[Facet]) -> Iterator[tuple[str, Memory]]:
    for facet in held:
        if facet.attribute not in KINDS:
            left = tuple(each for each in memory.facets if each != facet)
            yield facet.value, replace(memory, facets=left)


def _given_up(asked: Memory, kept: Memory) -> tuple[str, ...]:
    gone = [facet for facet in asked.facets if facet not in kept.facets]
    if not gone:
        return ()
    return (f"Nothing fits {_joined(gone)} within the rest, so I left that out.",)


def _joined(facets: Sequence[Facet], between: str = " and ") -> str:
    return between.join(facet.value for facet in facets)


def _listed(places: Sequence[str]) -> str:
    return places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"
