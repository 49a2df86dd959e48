"""What changed between two points of the log, and the way back."""

from dataclasses import dataclass, replace

from re2llm.errors import UserError
from re2llm.kb_store.audit import AuditLog
from re2llm.kb_store.entry import counted
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.logged import LoggedHintStore

_OUT = (Status.REFUSED, Status.RETIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One hint at two points; None where it did not exist yet."""

    before: Hint | None
    after: Hint | None


def point(log: AuditLog, name: str, *, tenant: str = "default") -> int:
    """Return the entry that the name of a tenant's snapshot, or an entry's number, means.

    Of a write of several entries it is the last one, whichever is named.

    Raises:
        UserError: there is no such point.
    """
    snapshots = log.snapshots(tenant=tenant)
    for snapshot in snapshots:
        if snapshot.name == name:
            return snapshot.seq
    last = log.position()
    if name.isascii() and name.isdigit() and int(name) <= last:
        return log.whole(int(name))
    known = ", ".join(repr(snapshot.name) for snapshot in snapshots) or "none yet"
    raise UserError(
        f"the log knows no point {name!r}; use a snapshot ({known}) or an entry's number, at most"
        f" {last}"
    )


def diff(log: AuditLog, start: int, end: int, *, tenant: str = "default") -> list[Change]:
    """Return the tenant's hints whose words, status or evidence differ between two points, by id.

    Running statistics alone make no difference.
    """
    before = _hints(log, start, tenant)
    after = _hints(log, end, tenant)
    changes = [
        Change(before=before.get(hint_id), after=after.get(hint_id))
        for hint_id in sorted(before.keys() | after.keys())
    ]
    return [change for change in changes if _still(change.before) != _still(change.after)]


def rollback(
    store: LoggedHintStore, to: int, *, by: str, why: str = "", tenant: str = "default"
) -> list[Hint]:
    """Put a tenant's hints back to how they stood at a point, by new entries; returns those moved.

    A point within a write of several entries, such as an edit, means its end: half of it was never
    seen. Nothing is deleted: a hint that did not exist at that point is retired. What was counted
    since stays counted, since it was seen.
    """
    log = store.log
    to = log.whole(to)
    reason = why or f"rolled back to entry {to}"
    moved: list[Hint] = []
    for change in diff(log, to, log.position(), tenant=tenant):
        if change.before is not None:
            moved.append(change.before)
        elif change.after is not None and change.after.status not in _OUT:
            moved.append(replace(change.after, status=Status.RETIRED, reason=reason))
    store.put_all(moved, by=by, why=reason)
    kept = [store.get(hint.hint_id, tenant=tenant) for hint in moved]
    return [hint for hint in kept if hint is not None]


def _hints(log: AuditLog, at: int, tenant: str) -> dict[str, Hint]:
    return {
        hint_id: revision.hint
        for (owner, hint_id), revision in log.state(at=at).items()
        if owner == tenant
    }


def _still(hint: Hint | None) -> Hint | None:
    return None if hint is None else counted(hint, 0, 0, 0)
