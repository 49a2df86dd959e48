"""What an item's raw fields become: clean words, numbers, short lists; duplicates merged."""

import math
import re
from collections.abc import Iterable, Mapping

from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import RawItem
from re2llm.catalog.items import AttributeValue, Item
from re2llm.catalog.text import DESCRIPTION_LIMIT, TITLE_LIMIT, clean_text, has_hidden

_VALUE_LIMIT = 200
_LIST_LIMIT = 20
_NAME_LIMIT = 40
_LISTS = frozenset({"category", "genres"})
_NUMBERS = frozenset({"price", "year", "available"})
_BETWEEN = re.compile(r"\s*[|>]\s*")
_AMOUNT = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d|2100)(?!\d)")
_FULL_NAMES = {
    "brand": "brand", "store": "brand", "category": "category", "categories": "category",
    "genre": "genres", "genres": "genres", "release_year": "year", "movie_year": "year",
}  # fmt: skip


def untitled(item_id: str) -> str:
    """Name an item of which nothing is known."""
    return f"Item {item_id}"


def item_id_of(value: object) -> str | None:
    """Read an identifier, text or a whole number; None where it is empty or unprintable."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value).strip()
    return text if text and not has_hidden(text) else None


def tidy_items(raw: Iterable[RawItem], tally: Tally) -> list[Item]:
    """Clean items in the order given; of several with one id, the first word on anything counts."""
    titles: dict[str, str] = {}
    attributes: dict[str, dict[str, AttributeValue]] = {}
    for item in raw:
        title = clean_text(item.title or "", TITLE_LIMIT)
        known = attributes.get(item.item_id)
        if known is None:
            titles[item.item_id] = title
            attributes[item.item_id] = tidy_attributes(item.attributes)
        else:
            tally.counts["items listed more than once, merged"] += 1
            titles[item.item_id] = titles[item.item_id] or title
            attributes[item.item_id] = tidy_attributes(item.attributes) | known
    empty = [item_id for item_id, title in titles.items() if not title]
    if empty:
        tally.counts["items without a title"] += len(empty)
        titles.update({item_id: untitled(item_id) for item_id in empty})
    return [
        Item(item_id=item_id, title=title, attributes=attributes[item_id])
        for item_id, title in titles.items()
    ]


def tidy_attributes(raw: Mapping[str, object]) -> dict[str, AttributeValue]:
    """Keep what can be shown and filtered by, under the names that the rest reads."""
    tidy: dict[str, AttributeValue] = {}
    for raw_name, raw_value in raw.items():
        name = clean_text(str(raw_name), _NAME_LIMIT)
        name = _FULL_NAMES.get(name.lower(), name)
        value = _value(name, raw_value)
        if name and value is not None:
            tidy.setdefault(name, value)
    return tidy


def _value(name: str, raw: object) -> AttributeValue | None:
    if isinstance(raw, bool):
        return int(raw)
    if name in _NUMBERS:
        return _number(name, raw)
    if isinstance(raw, (int, float)):
        return raw if math.isfinite(raw) else None
    if isinstance(raw, str):
        if name in _LISTS:
            return _entries(_BETWEEN.split(raw))
        return clean_text(raw, _limit(name)) or None
    if isinstance(raw, (list, tuple)):
        words = [entry for entry in raw if isinstance(entry, str)]
        if name == "description":
            return clean_text(" ".join(words), DESCRIPTION_LIMIT) or None
        return _entries(words)
    return None


def _limit(name: str) -> int:
    return DESCRIPTION_LIMIT if name == "description" else _VALUE_LIMIT


def _entries(raw: Iterable[str]) -> tuple[str, ...] | None:
    cleaned = (clean_text(entry, _VALUE_LIMIT) for entry in raw)
    return tuple(dict.fromkeys(entry for entry in cleaned if entry))[:_LIST_LIMIT] or None


def _number(name: str, raw: object) -> int | float | None:
    if isinstance(raw, (int, float)):
        number = float(raw)
    elif isinstance(raw, str):
        found = (_YEAR if name == "year" else _AMOUNT).search(raw)
        if found is None:
            return None
        number = float(found.group().replace(",", ""))
    else:
        return None
    if not math.isfinite(number) or number < 0:
        return None
    if name == "year":
        return int(number) if _YEAR.fullmatch(str(int(number))) else None
    return int(number) if name == "available" else number
