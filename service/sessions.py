"""Sessions and what happened in them; a tenant never sees another's."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from re2llm.database import Database
from re2llm.service.problems import Problem

MOST_EVENTS = 5000
"""Events that one session may have."""


class Kind(StrEnum):
    """What happened."""

    VIEW = "view"
    CART = "cart"
    PURCHASE = "purchase"
    LIKE = "like"
    SKIP = "skip"
    IMPRESSION = "impression"


INTEREST = frozenset({Kind.VIEW, Kind.CART, Kind.PURCHASE, Kind.LIKE})
"""What makes an item part of the session that the recommender reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one item; `at` is in seconds since 1970."""

    kind: Kind
    item_id: str
    slate_id: str | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A session as it stands; events oldest first."""

    session_id: str
    at: float
    events: tuple[Event, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """List the items that the shopper showed interest in, oldest first, each run once."""
        found: list[str] = []
        for event in self.events:
            if event.kind in INTEREST and (not found or found[-1] != event.item_id):
                found.append(event.item_id)
        return tuple(found)

    @property
    def skipped(self) -> tuple[str, ...]:
        """List the items whose latest word was a skip."""
        latest: dict[str, Kind] = {}
        for event in self.events:
            if event.kind is not Kind.IMPRESSION:
                latest[event.item_id] = event.kind
        return tuple(item_id for item_id, kind in latest.items() if kind is Kind.SKIP)


class Sessions:
    """The sessions of all tenants. Blocking."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        """Keep sessions in this database."""
        self._db = database
        self._clock = clock

    def start(self, tenant: str) -> SessionRecord:
        """Begin a session under an id that nobody can guess."""
        session_id, now = uuid.uuid4().hex, self._clock()
        self._db.write("INSERT INTO sessions VALUES (?, ?, ?)", (tenant, session_id, now))
        return SessionRecord(session_id=session_id, at=now, events=())

    def read(self, tenant: str, session_id: str) -> SessionRecord:
        """Return a session; raises `Problem` 404 where this tenant has none of this id."""
        rows = self._db.read(
            "SELECT at FROM sessions WHERE tenant = ? AND session_id = ?", (tenant, session_id)
        )
        if not rows:
            raise Problem(404, f"no session {session_id!r}; begin one with POST /v1/sessions")
        events = self._db.read(
            "SELECT kind, item_id, slate_id, at FROM events"
            " WHERE tenant = ? AND session_id = ? ORDER BY seq",
            (tenant, session_id),
        )
        return SessionRecord(
            session_id=session_id,
            at=float(rows[0][0] or 0),
            events=tuple(
                Event(
                    kind=Kind(str(kind)),
                    item_id=str(item_id),
                    slate_id=None if slate_id is None else str(slate_id),
                    at=float(at or 0),
                )
                for kind, item_id, slate_id, at in events
            ),
        )

    def add(self, tenant: str, session_id: str, events: Sequence[Event]) -> SessionRecord:
        """Note events, all or none; raises `Problem` where there is no session or no room."""
        now = self._clock()
        with self._db.transaction(f"{tenant} {session_id}"):
            known = self.read(tenant, session_id)
            if len(known.events) + len(events) > MOST_EVENTS:
                raise Problem(
                    422,
                    f"session {session_id!r} would have more than {MOST_EVENTS} events; begin "
                    "another",
                )
            noted = tuple(replace(event, at=event.at or now) for event in events)
            for event in noted:
                self._db.write(
                    "INSERT INTO events (tenant, session_id, kind, item_id, slate_id, at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (tenant, session_id, event.kind, event.item_id, event.slate_id, event.at),
                )
        return replace(known, events=(*known.events, *noted))
