"""How a message changes what is remembered."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from re2llm.catalog.filters import Range
from re2llm.catalog.items import Item
from re2llm.catalog.said import KINDS
from re2llm.service.chat.lexicon import Lexicon
from re2llm.service.chat.memory import EXTREMES, Facet, Memory, narrowed
from re2llm.service.chat.understood import Said, Understood


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The memory after a message; `notices` say what could not be honoured."""

    memory: Memory
    notices: tuple[str, ...] = ()


def changed(
    memory: Memory,
    understood: Understood,
    cards: Sequence[Item],
    lexicon: Lexicon,
    *,
    named: Item | None = None,
) -> Changed:
    """Apply a wish to the memory.

    Args:
        memory: the wish so far.
        understood: what the message says.
        cards: what is shown.
        lexicon: what the shop calls things.
        named: the item that others should be like, where the message gives its title.
    """
    notices: list[str] = []
    said = tuple(_facets(understood.facets))
    allowed = _facets(understood.allow)
    old = memory
    anchor = named
    if understood.like is not None and 1 <= understood.like <= len(cards):
        anchor = cards[understood.like - 1]
    if understood.fresh or understood.like is not None or named:
        memory = replace(memory, words=(), facets=(), best=None, anchor=None, shown=())
    for name in understood.drop:
        memory = _without(memory, name)
    if anchor is not None:
        memory = replace(memory, anchor=anchor.item_id, facets=_kind(anchor))
    memory = replace(
        memory,
        words=tuple(dict.fromkeys((*memory.words, *understood.words))),
        best=understood.best or memory.best,
        facets=_joined(memory.facets, said, lexicon, also=understood.also),
        avoid=tuple(f for f in memory.avoid if f not in (*said, *allowed)),
        avoid_words=tuple(
            w for w in memory.avoid_words if w not in (*understood.words, *understood.allow_words)
        ),
    )
    refused = (cards[place - 1].item_id for place in understood.refuse if place <= len(cards))
    memory = replace(memory, refused=tuple(dict.fromkeys((*memory.refused, *refused)))[-500:])
    unwanted = tuple(_facets(understood.avoid))
    memory = replace(
        memory,
        facets=tuple(facet for facet in memory.facets if facet not in unwanted),
        words=tuple(word for word in memory.words if word not in understood.avoid_words),
        avoid=tuple(dict.fromkeys((*memory.avoid, *unwanted))),
        avoid_words=tuple(dict.fromkeys((*memory.avoid_words, *understood.avoid_words))),
    )
    ranges = dict(memory.ranges)
    for limit in understood.limits:
        if limit.attribute not in lexicon.numeric:
            notices.append(
                f"The items here have no {limit.attribute}, so that limit cannot be kept."
            )
            continue
        new = Range(limit.low, limit.high)
        ranges[limit.attribute] = narrowed(ranges.get(limit.attribute), new)
    for step, name in ((understood.step, "price"), (understood.newer, "year")):
        if step and name not in lexicon.numeric:
            notices.append(f"The items here have no {name}, so they cannot be told apart by it.")
        elif step:
            meant = [cards[place - 1] for place in understood.cards if place <= len(cards)]
            beside = meant or ([] if understood.fresh else cards)
            middle = _middle(beside, name, memory, lexicon)
            if name == "year":
                middle = math.floor(middle) if step > 0 else math.ceil(middle)
            ranges[name] = _stepped(ranges.get(name) or Range(), step, middle)
    memory = replace(memory, ranges=ranges, focus=_focus(memory, understood, cards))
    if _wish(memory) != _wish(old):
        memory = replace(memory, shown=())
    return Changed(memory=memory, notices=tuple(notices))


def _middle(meant: Sequence[Item], name: str, memory: Memory, lexicon: Lexicon) -> float:
    """Return the number that "cheaper" is beside: of named cards, of those shown, of the kind."""
    held = [float(v) for card in meant if isinstance(v := card.attributes.get(name), (int, float))]
    if held:
        return round(median(held), 2)
    kinds = [lexicon.cheap[facet] for facet in memory.facets if facet in lexicon.cheap]
    return round(min(kinds) if kinds and name == "price" else lexicon.tercile[name], 2)


def _stepped(old: Range, step: int, middle: float) -> Range:
    """Move a limit to one side of a number."""
    if step < 0:
        high = math.nextafter(middle, -math.inf)
        return Range(old.low if old.low is not None and old.low <= high else None, high)
    low = math.nextafter(middle, math.inf)
    return Range(low, old.high if old.high is not None and old.high >= low else None)


def _focus(memory: Memory, understood: Understood, cards: Sequence[Item]) -> str | None:
    """Return what "that brand" is of from now on: the one card that was named, or what it was."""
    named = [understood.like] if understood.like else [*understood.cards, *understood.refuse]
    if len(named) == 1 and named[0] <= len(cards):
        return cards[named[0] - 1].item_id
    return None if understood.fresh else memory.focus


def _without(memory: Memory, name: str) -> Memory:
    return replace(
        memory,
        ranges={key: one for key, one in memory.ranges.items() if key != name},
        facets=tuple(facet for facet in memory.facets if facet.attribute != name),
        avoid=tuple(facet for facet in memory.avoid if facet.attribute != name),
        best=None if memory.best and EXTREMES[memory.best][0] == name else memory.best,
    )


def _joined(
    old: Sequence[Facet], new: Sequence[Facet], lexicon: Lexicon, *, also: bool
) -> tuple[Facet, ...]:
    """Let new values of an attribute take the place of old ones, or join them: "also ...".

    What lies in an old value narrows it: blenders take the place of the kitchen.
    """
    named = {facet.attribute for facet in new}
    wide = {above for facet in new for below, above in lexicon.inside if below == facet}
    kept = [f for f in old if f.attribute not in named or (also and f not in wide)]
    return tuple(dict.fromkeys((*kept, *new)))


def _kind(anchor: Item) -> tuple[Facet, ...]:
    for name in sorted(KINDS):
        value = anchor.attributes.get(name)
        if isinstance(value, tuple) and value and name == "category":
            return (Facet(name, value[-1]),)
        if isinstance(value, str):
            return (Facet(name, value),)
    return ()


def _facets(said: Sequence[Said]) -> list[Facet]:
    return [Facet(each.attribute, each.value) for each in said]


def _wish(memory: Memory) -> Memory:
    return replace(memory, shown=(), refused=(), focus=None, asked=False, missed=None)
