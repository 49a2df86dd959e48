"""What a hint is."""

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """Where a hint is in its life."""

    CANDIDATE = "candidate"
    """Written, not yet admitted."""
    SHADOW = "shadow"
    """Admitted on thin evidence: scored, shown to a small share at most."""
    ACTIVE = "active"
    DISABLED = "disabled"
    """Switched off by a person; can be switched on again."""
    RETIRED = "retired"
    """Taken out by evidence, age or a better duplicate."""
    REFUSED = "refused"
    """Never admitted; kept with the reason."""


def hint_id(text: str, tenant: str = "default") -> str:
    """Derive a hint's id from what it says: the same words in any case or spacing are one."""
    words = re.sub(r"\W+", " ", text.casefold()).strip()
    return "h" + hashlib.sha256(f"{tenant}\0{words}".encode()).hexdigest()[:15]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was measured when a hint was admitted or refused: paired differences of the metric.

    Attributes:
        own_gain: metric with the hint minus without, on the session that failed.
        gain: mean of the same over similar held-out sessions.
        low: lower confidence bound of `gain`.
        sessions: how many held-out sessions were tried.
        confirmed: whether it gained on those of them that had no part in its looking good.
        adds: whether it gained more there than the best of the hints that were active.
    """

    own_gain: float = 0.0
    gain: float = 0.0
    low: float = 0.0
    sessions: int = 0
    confirmed: bool = True
    adds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a hint came from."""

    source: str = "person"
    """`person`, `explore`, `feedback`, `import`, `merge`."""
    session_id: str = ""
    model: str = ""
    prompt_version: str = ""
    created: float = 0.0
    """Seconds since 1970."""
    parent: str = ""
    """Id of the hint that this one was edited or merged from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A short piece of advice to the reranking model.

    `shown`, `helped` and `hurt` count served or evaluated slates.
    """

    hint_id: str
    text: str
    title: str = ""
    when: str = ""
    status: Status = Status.CANDIDATE
    tenant: str = "default"
    evidence: Evidence = field(default_factory=Evidence)
    provenance: Provenance = field(default_factory=Provenance)
    reason: str = ""
    """Why it has this status, in words."""
    shown: int = 0
    helped: int = 0
    hurt: int = 0
