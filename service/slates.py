"""Slates that were served, to whom, and what the shopper did with them."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from re2llm.database import Database, Value
from re2llm.nodes.state import NewHint
from re2llm.service.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Feedback as it was accepted: the item taken, or None, and who says so, as in `Whose`."""

    chosen: str | None
    source: str
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What came of feedback; `fault` says why nothing could."""

    error: bool = False
    new_hints: tuple[NewHint, ...] = ()
    notices: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlateRecord:
    """A served slate; `shown` are item ids, best first."""

    slate_id: str
    tenant: str
    session_id: str | None
    at: float
    shown: tuple[str, ...] = ()
    hint: str | None = None
    hint_id: str | None = None
    given: Given | None = None
    learnt: Learnt | None = None


@dataclass(frozen=True, slots=True)
class Slates:
    """The slates of all tenants. Blocking."""

    database: Database
    clock: Callable[[], float] = field(default=time.time)

    def serve(
        self,
        tenant: str,
        slate_id: str,
        *,
        session_id: str | None,
        shown: tuple[str, ...],
        hint: str | None,
        hint_id: str | None,
    ) -> None:
        """Note a slate before it is shown."""
        served = json.dumps({"shown": shown, "hint": hint, "hint_id": hint_id})
        self.database.write(
            "INSERT INTO slates (slate_id, tenant, session_id, at, served) VALUES (?, ?, ?, ?, ?)",
            (slate_id, tenant, session_id, self.clock(), served),
        )

    def read(self, tenant: str, slate_id: str) -> SlateRecord:
        """Return a slate; raises `Problem` 404 where this tenant was served none of this id."""
        rows = self.database.read(
            f"{_SELECT} WHERE tenant = ? AND slate_id = ?", (tenant, slate_id)
        )
        if not rows:
            raise Problem(404, f"no slate {slate_id!r} was served")
        return _record(rows[0])

    def of_session(self, tenant: str, session_id: str) -> list[SlateRecord]:
        """Return a session's slates, oldest first."""
        rows = self.database.read(
            f"{_SELECT} WHERE tenant = ? AND session_id = ? ORDER BY at", (tenant, session_id)
        )
        return [_record(row) for row in rows]

    def give(self, tenant: str, slate_id: str, given: Given) -> SlateRecord:
        """Accept feedback, durably; the same again changes nothing.

        Raises:
            Problem: 404 for an unknown slate, 409 where it has other feedback already.
        """
        text = json.dumps(asdict(given))
        self.database.write(
            "UPDATE slates SET feedback = ? WHERE tenant = ? AND slate_id = ? AND feedback IS NULL",
            (text, tenant, slate_id),
        )
        record = self.read(tenant, slate_id)
        if record.given is None or record.given.chosen != given.chosen:
            raise Problem(409, f"slate {slate_id!r} has other feedback already")
        return record

    def settle(self, slate_id: str, learnt: Learnt, holder: tuple[str, str]) -> bool:
        """Note what came of a slate's feedback, once.

        Args:
            slate_id: of the slate.
            learnt: what came of it.
            holder: the claim's name and owner; false where another took it over meanwhile.
        """
        text = json.dumps(
            {
                "error": learnt.error,
                "new_hints": learnt.new_hints,
                "notices": learnt.notices,
                "fault": learnt.fault,
            }
        )
        return (
            self.database.write(
                "UPDATE slates SET outcome = ? WHERE slate_id = ? AND outcome IS NULL"
                " AND EXISTS (SELECT 1 FROM claims WHERE name = ? AND owner = ?)",
                (text, slate_id, *holder),
            )
            > 0
        )

    def unsettled(self) -> list[SlateRecord]:
        """Return the slates whose feedback was accepted and not worked on to the end."""
        rows = self.database.read(
            f"{_SELECT} WHERE feedback IS NOT NULL AND outcome IS NULL ORDER BY at"
        )
        return [_record(row) for row in rows]


_SELECT = "SELECT slate_id, tenant, session_id, at, served, feedback, outcome FROM slates"


def _record(row: tuple[Value, ...]) -> SlateRecord:
    slate_id, tenant, session_id, at, served, feedback, outcome = row
    about = json.loads(str(served))
    given = None if feedback is None else Given(**json.loads(str(feedback)))
    learnt = None
    if outcome is not None:
        told = json.loads(str(outcome))
        learnt = Learnt(
            error=told["error"],
            new_hints=tuple(told["new_hints"]),
            notices=tuple(told["notices"]),
            fault=told["fault"],
        )
    return SlateRecord(
        slate_id=str(slate_id),
        tenant=str(tenant),
        session_id=None if session_id is None else str(session_id),
        at=float(at or 0),
        shown=tuple(about["shown"]),
        hint=about["hint"],
        hint_id=about["hint_id"],
        given=given,
        learnt=learnt,
    )
