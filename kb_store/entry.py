"""What one line of the audit log says."""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from re2llm.kb_store.hint import Hint

Key = tuple[str, str]
"""Tenant and hint id."""


class Action(StrEnum):
    """What an entry tells."""

    PUT = "put"
    """A hint was written; the entry holds it in full."""
    STATUS = "status"
    """A hint moved in its life; the entry holds it in full."""
    RECORD = "record"
    """A hint was shown, helped or hurt: the entry holds what to add; why is the session's kind."""
    SUPPORT = "support"
    """An independent source led to this hint again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log; `seq` and `at` (seconds since 1970) are 0 until it is written.

    Attributes:
        hint: the whole hint after the change, with its evidence, model and prompt version; None
            where only numbers were added.
        shown, helped, hurt: what to add to the running statistics; the entry that first writes a
            hint brings the counts it starts with.
        source: digest of the independent source that supports the hint, or of the occasion on which
            it was recorded: a second record of a hint for the same occasion is not written.
    """

    action: Action
    tenant: str
    hint_id: str
    by: str
    why: str = ""
    hint: Hint | None = None
    shown: int = 0
    helped: int = 0
    hurt: int = 0
    source: str = ""
    seq: int = 0
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A hint as it stood at some point; `seq` is the entry that last wrote it in full."""

    hint: Hint
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How a hint fared."""

    shown: int = 0
    helped: int = 0
    hurt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A named point of the log."""

    name: str
    seq: int
    at: float
    by: str


def source_digest(source: str) -> str:
    """Hide who a source is; equal sources stay equal."""
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]


def counted(hint: Hint, shown: int, helped: int, hurt: int) -> Hint:
    """Return the hint with these running statistics."""
    return replace(hint, shown=shown, helped=helped, hurt=hurt)
