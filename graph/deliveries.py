"""What a shop delivers one by one: items and sessions, read and cleaned as an ingest does."""

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence

from re2llm.catalog.changes import Visit
from re2llm.catalog.ingest.tidy import item_id_of, tidy_attributes, untitled
from re2llm.catalog.items import REMOVED, Item
from re2llm.catalog.sessions import Session
from re2llm.catalog.text import clean_text
from re2llm.errors import UserError

_LONGEST_ID = 512
_LONGEST_SESSION = 1000


def read_items(given: Sequence[Item | Mapping[str, object]]) -> Iterator[Item]:
    """Read items; of several with one id the last counts.

    Raises:
        UserError: naming the first that is malformed.
    """
    _require_list(given, "items")
    read = [_item(one, place) for place, one in enumerate(given, 1)]
    yield from {item.item_id: item for item in read}.values()


def read_visits(given: Sequence[Session | Mapping[str, object]], now: float) -> Iterator[Visit]:
    """Read sessions; one without a time is of `now`, one without an id gets a new one.

    Raises:
        UserError: naming the first that is malformed.
    """
    _require_list(given, "sessions")
    yield from [_visit(one, place, now) for place, one in enumerate(given, 1)]


def _item(given: Item | Mapping[str, object], place: int) -> Item:
    if isinstance(given, Item):
        own: Mapping[str, object] = {
            **given.attributes,
            "item_id": given.item_id,
            "title": given.title,
        }
    else:
        own = given
    if not isinstance(own, Mapping):
        raise UserError(f"item {place} is no mapping with 'item_id' and 'title': {str(own)[:40]!r}")
    item_id = item_id_of(own.get("item_id"))
    if item_id is None or len(item_id) > _LONGEST_ID:
        raise UserError(f"item {place}: 'item_id' is {str(own.get('item_id'))[:40]!r}; give a text")
    title = own.get("title")
    if title is not None and not isinstance(title, str):
        raise UserError(f"item {item_id!r}: 'title' is {str(title)[:40]!r}; give a text")
    rest = {name: value for name, value in own.items() if name not in ("item_id", "title", REMOVED)}
    return Item(
        item_id=item_id,
        title=clean_text(title or "") or untitled(item_id),
        attributes=tidy_attributes(rest),
    )


def _visit(given: Session | Mapping[str, object], place: int, now: float) -> Visit:
    if isinstance(given, Session):
        target = () if given.target is None else (given.target,)
        own: Mapping[str, object] = {
            "session_id": given.session_id,
            "items": [*given.items, *target],
            "timestamp": given.timestamp,
        }
    else:
        own = given
    if not isinstance(own, Mapping):
        raise UserError(f"session {place} is no mapping with 'items': {str(own)[:40]!r}")
    items = own.get("items")
    if not isinstance(items, (list, tuple)) or not items:
        raise UserError(f"session {place}: 'items' is {str(items)[:40]!r}; give a list of item ids")
    ids = [item_id_of(one) for one in items[-_LONGEST_SESSION:]]
    when = own.get("timestamp")
    if when is None:
        when = now
    if isinstance(when, bool) or not isinstance(when, (int, float)) or not math.isfinite(when):
        raise UserError(
            f"session {place}: 'timestamp' is {str(when)[:40]!r}; give seconds since 1970"
        )
    session_id = item_id_of(own.get("session_id", uuid.uuid4().hex))
    if session_id is None or len(session_id) > _LONGEST_ID:
        raise UserError(f"session {place}: 'session_id' is {str(own.get('session_id'))[:40]!r}")
    return Visit(
        session_id=session_id,
        items=tuple(one for one in ids if one is not None),
        timestamp=float(when),
    )


def _require_list(given: object, what: str) -> None:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise UserError(f"a list of {what} is wanted, not {str(given)[:40]!r}")
