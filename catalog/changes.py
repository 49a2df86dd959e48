"""What came after a dataset was ingested: a log on disk that is only ever written on to.

One change is one line: a checksum, a space, JSON. A writer that is killed leaves half a line at the
end at most; readers stop before it, and the next writer cuts it off.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from re2llm.catalog.items import AttributeValue, Item
from re2llm.errors import UserError

NAME = "changes.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A session to learn from; `timestamp` is in seconds since 1970."""

    session_id: str
    items: tuple[str, ...]
    timestamp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changes in one step.

    Attributes:
        items: new ones, and others as they are from now on.
        remove: ids of items that are no longer sold.
        sessions: to learn from.
    """

    items: tuple[Item, ...] = ()
    remove: tuple[str, ...] = ()
    sessions: tuple[Visit, ...] = ()

    @property
    def weight(self) -> int:
        """Return how many items and sessions it is about."""
        return len(self.items) + len(self.remove) + len(self.sessions)


def append_change(folder: Path, change: Change) -> int:
    """Write a change on to the log in this folder; it is on disk when this returns.

    The caller holds the lock of the dataset.

    Returns:
        Where the log ends now, in bytes.

    Raises:
        OSError: the disk refuses; the log reads as before.
    """
    path = folder / NAME
    line = _line(change)
    with path.open("r+b" if path.exists() else "x+b") as file:
        end = _whole(file.read())
        file.truncate(end)
        file.seek(end)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return end + len(line)


def read_changes(folder: Path, start: int = 0) -> tuple[list[Change], int]:
    """Read the log from a place on; return its changes, and where the whole lines end.

    Raises:
        UserError: a whole line is not what was written.
    """
    path = folder / NAME
    if not path.exists():
        return [], 0
    with path.open("rb") as file:
        file.seek(start)
        text = file.read()
    end = _whole(text)
    return [_change(line) for line in text[:end].split(b"\n")[:-1]], start + end


def log_size(folder: Path) -> int:
    """Return how long the log is, 0 where there is none."""
    try:
        return (folder / NAME).stat().st_size
    except FileNotFoundError:
        return 0


def copy_tail(source: Path, start: int, target: Path) -> None:
    """Make what the log in `source` holds from a place on the log in `target`."""
    with (target / NAME).open("wb") as file:
        if (source / NAME).exists():
            text = (source / NAME).read_bytes()[start:]
            file.write(text[: _whole(text)])
        file.flush()
        os.fsync(file.fileno())


def _whole(text: bytes) -> int:
    """Return where the last whole line ends: a half one at the end does not count."""
    end = text.rfind(b"\n") + 1
    if end and not _sound(text[text.rfind(b"\n", 0, end - 1) + 1 : end - 1]):
        return text.rfind(b"\n", 0, end - 1) + 1
    return end


def _line(change: Change) -> bytes:
    content: dict[str, object] = {
        "items": [[one.item_id, one.title, dict(one.attributes)] for one in change.items],
        "remove": list(change.remove),
        "sessions": [[one.session_id, list(one.items), one.timestamp] for one in change.sessions],
    }
    told = {name: value for name, value in content.items() if value}
    text = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _sound(line: bytes) -> bool:
    return line[:9] == b"%08x " % zlib.crc32(line[9:])


def _change(line: bytes) -> Change:
    if not _sound(line):
        raise UserError(
            f"a line of {NAME} is not what was written ({line[:40]!r}); ingest the source again, "
            "or delete that line to do without that change"
        )
    told = json.loads(line[9:].decode("utf-8", "surrogatepass"))
    return Change(
        items=tuple(_items(told.get("items", ()))),
        remove=tuple(told.get("remove", ())),
        sessions=tuple(
            Visit(session_id=name, items=tuple(items), timestamp=float(when))
            for name, items, when in told.get("sessions", ())
        ),
    )


def _items(rows: Sequence[tuple[str, str, Mapping[str, object]]]) -> Iterator[Item]:
    for item_id, title, raw in rows:
        attributes: dict[str, AttributeValue] = {}
        for name, value in raw.items():
            if isinstance(value, list):
                attributes[name] = tuple(str(entry) for entry in value)
            elif isinstance(value, (str, int, float)):
                attributes[name] = value
        yield Item(item_id=item_id, title=title, attributes=attributes)
