"""Which items a wish is served from that search alone would not find: of each kind, the cheapest."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice, zip_longest

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Item, is_sold
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.service.chat.memory import EXTREMES, Memory
from re2llm.service.chat.shelf import Shelf


def picked(
    shelf: Shelf,
    memory: Memory,
    *,
    session: Sequence[str],
    exclude: tuple[str, ...],
    k: int,
) -> tuple[str, ...] | None:
    """Return the k items that are to be shown, in any order; None where search finds them. Blocking.

    Args:
        shelf: the shop's items.
        memory: the wish.
        session: known item ids, oldest first.
        exclude: items that must not be shown.
        k: how many items are shown.
    """
    if memory.best is not None:
        return _the_most(shelf, memory, (*exclude, *session), memory.best, k)
    return _some_of_each(shelf.now(), memory, session=session, exclude=exclude, k=k)


def arranged(items: Sequence[Item], memory: Memory) -> list[Item]:
    """Return what was picked in the order that a shopper expects; all else stays as it was ranked.

    The cheapest come by price, and of several kinds one after the other, so that the first few
    show that there are more; within a kind the ranking's order stays.
    """
    if memory.best is not None:
        name, best = EXTREMES[memory.best]
        return sorted(items, key=lambda item: _number(item, name), reverse=best is max)
    several = _several(memory)
    if several is None:
        return list(items)
    groups: dict[str, list[Item]] = {}
    for item in items:
        values = (f.value for f in memory.facets if f.attribute == several and f.holds(item))
        groups.setdefault(next(values, ""), []).append(item)
    in_turn = chain.from_iterable(zip_longest(*groups.values()))
    return [item for item in in_turn if item is not None]


def _number(item: Item, name: str) -> float:
    value = item.attributes.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _several(memory: Memory) -> str | None:
    """Return the attribute that several values are asked of."""
    named = [facet.attribute for facet in memory.facets]
    return next((name for name in named if named.count(name) > 1), None)


def _the_most(
    shelf: Shelf, memory: Memory, exclude: Sequence[str], most: str, k: int
) -> tuple[str, ...] | None:
    name, best = EXTREMES[most]
    sold = filter(is_sold, shelf.by_number(memory, exclude, name, falling=best is max))
    return tuple(item.item_id for item in islice(sold, k)) or None


def _some_of_each(
    retriever: HybridRetriever,
    memory: Memory,
    *,
    session: Sequence[str],
    exclude: tuple[str, ...],
    k: int,
) -> tuple[str, ...] | None:
    """Return k items, as many of each named value as there are; None where one value is asked for.

    One search for all would show those alone that more people bought.
    """
    several = _several(memory)
    if several is None:
        return None
    found: list[list[str]] = []
    for facet in memory.facets:
        if facet.attribute == several and len(found) < k:
            rest = (each for each in memory.facets if each.attribute != several)
            one = replace(memory, facets=(facet, *rest))
            filters = {**one.filters(exclude=exclude), "exclude_seen": True}
            query = Query(
                session=tuple(session), request=one.request(), filters=Filters.parse(filters)
            )
            found.append([each.item.item_id for each in retriever.retrieve(query, k)])
    in_turn = chain.from_iterable(zip_longest(*found))
    return tuple(dict.fromkeys(each for each in in_turn if each is not None))[:k]
