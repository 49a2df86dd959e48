"""How a message changes what is remembered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from re2llm.catalog.filters import Range
from re2llm.catalog.items import Item
from re2llm.service.chat.lexicon import KINDS, Lexicon
from re2llm.service.chat.memory import Facet, Memory, narrowed
from re2llm.service.chat.understood import Said, Understood


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The memory after a message; `notices` say what could not be honoured."""

    memory: Memory
    notices: tuple[str, ...] = ()


def changed(
    memory: Memory, understood: Understood, cards: Sequence[Item], lexicon: Lexicon
) -> Changed:
    """Apply a wish to the memory."""
    notices: list[str] = []
    said = tuple(_facets(understood.facets))
    allowed = _facets(understood.allow)
    old = memory
    if understood.fresh or understood.like is not None:
        memory = replace(memory, words=(), facets=(), anchor=None, shown=())
    for name in understood.drop:
        memory = _without(memory, name)
    if understood.like is not None and 1 <= understood.like <= len(cards):
        anchor = cards[understood.like - 1]
        memory = replace(memory, anchor=anchor.item_id, facets=_kind(anchor))
    memory = replace(
        memory,
        words=tuple(dict.fromkeys((*memory.words, *understood.words))),
        facets=_joined(memory.facets, said),
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
                f"the items here have no {limit.attribute}, so that limit cannot be kept"
            )
            continue
        new = Range(limit.low, limit.high)
        ranges[limit.attribute] = narrowed(ranges.get(limit.attribute), new)
    if understood.step:
        ranges, told = _stepped(ranges, understood, cards, lexicon)
        notices.extend(told)
    memory = replace(memory, ranges=ranges)
    if _wish(memory) != _wish(old):
        memory = replace(memory, shown=())
    return Changed(memory=memory, notices=tuple(notices))


def _stepped(
    ranges: dict[str, Range], understood: Understood, cards: Sequence[Item], lexicon: Lexicon
) -> tuple[dict[str, Range], list[str]]:
    """Move the price limit to one side of what is shown: of a named card, or of the middle."""
    if "price" not in lexicon.numeric:
        return ranges, ["the items here have no price, so cheaper ones cannot be told"]
    meant = [cards[place - 1] for place in understood.cards if place <= len(cards)] or cards
    prices = [
        float(p) for card in meant if isinstance(p := card.attributes.get("price"), (int, float))
    ]
    middle = round(median(prices) if prices else lexicon.tercile["price"], 2)
    old = ranges.get("price") or Range()
    if understood.step < 0:
        high = round(middle - 0.01, 2)
        new = Range(old.low if old.low is not None and old.low <= high else None, high)
    else:
        low = round(middle + 0.01, 2)
        new = Range(low, old.high if old.high is not None and old.high >= low else None)
    return {**ranges, "price": new}, []


def _without(memory: Memory, name: str) -> Memory:
    return replace(
        memory,
        ranges={key: one for key, one in memory.ranges.items() if key != name},
        facets=tuple(facet for facet in memory.facets if facet.attribute != name),
        avoid=tuple(facet for facet in memory.avoid if facet.attribute != name),
    )


def _joined(old: Sequence[Facet], new: Sequence[Facet]) -> tuple[Facet, ...]:
    """Let new values of an attribute take the place of old ones."""
    named = {facet.attribute for facet in new}
    kept = [facet for facet in old if facet.attribute not in named]
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
