"""What the assistant says: written from the cards and the memory, so that all three agree."""

import re
from collections.abc import Mapping, Sequence

from re2llm.catalog.filters import Range
from re2llm.catalog.items import AttributeValue, Item
from re2llm.catalog.lexical import words
from re2llm.service.chat.memory import Memory, bound, names

ASK = (
    "What are you looking for? Tell me a kind of item, and, if you like, a brand, a price limit, "
    "or what you do not want."
)
HELP = (
    'You can say things like "under 50", "not that brand", "something like the second one", '
    '"cheaper", "show more", or "why the first one?".'
)
NOTHING_SHOWN = "Nothing is shown just now that you could turn down."
_LEFT_OUT = frozenset({"description", "available", "image", "url"})
_FACTS = (
    (re.compile(r"\bpric|\bcosts?\b|\bhow much\b|\bexpensive\b|\bcheap", re.I), "price"),
    (re.compile(r"\bbrand|\bwho makes\b|\bmaker\b|\bmanufactur", re.I), "brand"),
    (re.compile(r"\byear\b|\bhow (?:old|new)\b|\bnewer\b|\bnewest\b|\bolder\b", re.I), "year"),
    (re.compile(r"\bplatform|\bcompatib|\bfits?\b|\bworks? with\b", re.I), "platform"),
    (re.compile(r"\bcategor|\bkind\b", re.I), "category"),
    (re.compile(r"\bgenre", re.I), "genres"),
)
_YES_NO = re.compile(r"^\s*(?:does|is|are|has|can|do|will)\b", re.IGNORECASE)
_ASKED = frozenset(
    words(
        "does is are has can do will it they this that the number these those one ones first second "
        "third fourth fifth last work works with fit fits for have any come also really good price "
        "cost costs brand made make item on support supports use used than more less cheaper which "
        "what why how tell me about and or compare better best new newer old older you would "
        "recommend s its much many"
    )
)


def value_text(value: AttributeValue, name: str = "") -> str:
    """Write the value of an attribute of this name; categories lie in each other."""
    if isinstance(value, tuple):
        return (" > " if name == "category" else ", ").join(value)
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)


def facts(item: Item) -> list[str]:
    """List what the catalogue says of an item, long texts aside."""
    return [
        f"{name} {value_text(value, name)}"
        for name, value in item.attributes.items()
        if name not in _LEFT_OUT
    ]


def limits_text(memory: Memory) -> str:
    """Put the wish and its limits into words; empty where there are none."""
    named: dict[str, list[str]] = {}
    for facet in memory.facets:
        named.setdefault(facet.attribute, []).append(facet.value)
    wanted = [*map(" or ".join, named.values()), *memory.words]
    told = [" ".join(wanted)] if wanted else []
    told.extend([f"the {memory.best}"] if memory.best else [])
    told.extend(range_text(name, one) for name, one in sorted(memory.ranges.items()))
    told.extend(f"not {each}" for each in [*(f.value for f in memory.avoid), *memory.avoid_words])
    return ", ".join(told)


def line(place: int, item: Item) -> str:
    """Write one card as a line."""
    price = item.attributes.get("price")
    told = f"{place}. {item.title}"
    return f"{told}, {value_text(price)}" if price is not None else told


def slate_text(
    cards: Sequence[Item],
    memory: Memory,
    *,
    lead: Sequence[str],
    anchor: Item | None,
    more: bool,
    notices: Sequence[str],
) -> str:
    """Write a slate: what it answers, the cards in their order, and what could not be kept."""
    told = list(lead)
    about = _about(memory, anchor)
    count = f"{len(cards)}{' more' if more else ''} item{'s' if len(cards) > 1 else ''}"
    head = f"Here {'are' if len(cards) > 1 else 'is'} {count}"
    told.append(f"{head} ({about}):" if about else f"{head}:")
    listed = "\n".join(line(place, card) for place, card in enumerate(cards, start=1))
    end = "\n" + " ".join(notices) if notices else ""
    return f"{' '.join(told)}\n{listed}{end}"


def nothing_text(
    memory: Memory,
    *,
    lead: Sequence[str],
    anchor: Item | None,
    more: bool,
    in_the_way: Sequence[str] = (),
) -> str:
    """Say that nothing fits, or nothing else, and which limits are in the way."""
    about = _about(memory, anchor)
    found = f"I found nothing{' else' if more else ''}{f' for {about}' if about else ''}."
    return " ".join([*lead, found, *in_the_way])


def _about(memory: Memory, anchor: Item | None) -> str:
    like = f"like {anchor.title}" if anchor else ""
    return ", ".join(filter(None, [like, limits_text(memory)]))


def explain_text(
    meant: Sequence[tuple[int, Item]], question: str, notes: Mapping[str, Sequence[str]]
) -> str:
    """Answer a question about cards from their facts; say so where the catalogue is silent."""
    if len(meant) == 1:
        return _one(*meant[0], question, notes)
    told = [f"{place}. {item.title}: {'; '.join(facts(item))}." for place, item in meant]
    return "\n".join([*told, *_comparison(meant)])


def taken_text(place: int, item: Item) -> str:
    """Note what was taken, claiming nothing that only a shop's till could know."""
    return (
        f"Noted: you take {line(place, item)}. The page's own buttons or your cart go on from here."
    )


def liked_text(place: int, item: Item) -> str:
    """Note what is liked."""
    return f"Noted: you like {line(place, item)}. Ask for something like it, or for more."


def recall_text(memory: Memory, anchor: Item | None) -> str:
    """Say what is remembered."""
    wish = limits_text(memory)
    like = f"items like {anchor.title}" if anchor else ""
    told = "; ".join(filter(None, [like, wish]))
    return f"I remember: {told}." if told else "You have not told me any wish or limit yet."


def met_text(memory: Memory, item: Item) -> list[str]:
    """Say what of a wish an item meets, limits included; nothing where nothing was asked for."""
    met = [facet.value for facet in memory.facets if facet.holds(item)]
    met.extend(word for word in memory.words if names(item, word))
    met.extend(range_text(name, one) for name, one in sorted(memory.ranges.items()))
    return [f"you asked for {', '.join(met)}"] if met else []


def unknown_text(unknown: Sequence[str]) -> str:
    """Say which words no item has."""
    quoted = ", ".join(f"“{word}”" for word in unknown[:5])
    return f"No item here mentions {quoted}."


def taken_for_text(taken: Mapping[str, str]) -> str:
    """Say which misspelt words were taken for which names."""
    told = " and ".join(f"“{word}” for {value}" for word, value in taken.items())
    return f"I took {told}."


def left_out_text(words_left: Sequence[str]) -> list[str]:
    """Say which older words of the wish hold no longer."""
    if not words_left:
        return []
    quoted = " and ".join(f"“{word}”" for word in words_left)
    return [f"Nothing says {quoted} as well, so I left that out."]


def fault_text(fault: str) -> str:
    """Say that the rules read a message, and why."""
    return f"I read your message by plain rules: {fault}."


def _one(place: int, item: Item, question: str, notes: Mapping[str, Sequence[str]]) -> str:
    for pattern, name in _FACTS:
        if pattern.search(question) and (value := item.attributes.get(name)) is not None:
            return f"{place}. {item.title}: {name} {value_text(value, name)}."
    asked = [word for word in words(question) if word not in _ASKED]
    asked = [word for word in asked if word not in set(words(item.title))]
    if _YES_NO.search(question) and asked:
        known = set(words(" ".join([item.title, *map(value_text, item.attributes.values())])))
        missing = [word for word in asked if word not in known]
        if missing:
            quoted = ", ".join(f"“{word}”" for word in missing[:5])
            return f"The catalogue does not say anything about {quoted} for {place}. {item.title}."
        return f"Yes, the catalogue says so of {place}. {item.title}: {_described(item)}"
    why = "; ".join(notes.get(item.item_id, ()))
    told = f"{place}. {item.title}: {'; '.join(facts(item)) or 'the catalogue says no more'}."
    told += f" {_described(item)}" if "description" in item.attributes else ""
    return f"{told} Why it is here: {why}." if why else told


def _described(item: Item) -> str:
    told = item.attributes.get("description")
    return f"“{told[:300]}”" if isinstance(told, str) and told else "; ".join(facts(item)) + "."


def _comparison(meant: Sequence[tuple[int, Item]]) -> list[str]:
    told: list[str] = []
    for name, least, most in (("price", "cheapest", "dearest"), ("year", "oldest", "newest")):
        held = [
            (float(value), place)
            for place, item in meant
            if isinstance(value := item.attributes.get(name), (int, float))
        ]
        if len({value for value, _ in held}) > 1:
            told.append(f"Number {min(held)[1]} is the {least}, number {max(held)[1]} the {most}.")
    return told


def range_text(name: str, one: Range) -> str:
    """Put a limit into words."""
    what = "" if name == "price" else f"{name} "
    before, after = ("before", "after") if name == "year" else ("under", "over")
    ends = [
        f"{inside if bound(end) == end else outside} {bound(end):g}"
        for end, inside, outside in ((one.low, "at least", after), (one.high, "at most", before))
        if end is not None
    ]
    if len(ends) == 2 and all(bound(end) == end for end in (one.low, one.high) if end is not None):
        span = f"{one.low:g} to {one.high:g}" if one.low != one.high else f"exactly {one.low:g}"
        return f"{what}{span}"
    return f"{what}{' and '.join(ends)}"
