"""How hints, their evidence and their history are told on the screen."""

from collections.abc import Iterator
from datetime import UTC, datetime

from re2llm.kb_store.entry import Action, Entry
from re2llm.kb_store.hint import Evidence, Hint, Provenance, Status
from re2llm.kb_store.life import LifeRules, share_bounds

_ORDER = (
    Status.ACTIVE,
    Status.SHADOW,
    Status.CANDIDATE,
    Status.DISABLED,
    Status.RETIRED,
    Status.REFUSED,
)


def best_first(hint: Hint) -> tuple[int, float, str]:
    """Sort hints by what they are, then by what they surely gain."""
    return _ORDER.index(hint.status), -hint.evidence.low, hint.hint_id


def facts(hint: Hint) -> Iterator[tuple[str, str]]:
    """Tell what is known of a hint, line by line: what it is about, and that; nothing empty."""
    told = (
        ("hint", hint.text),
        ("title", hint.title),
        ("for", hint.when),
        ("status", f"{hint.status}: {hint.reason}" if hint.reason else str(hint.status)),
        ("measured", evidence_words(hint.evidence)),
        ("came from", _provenance(hint.provenance)),
        ("in use", counted(hint.shown, hint.helped, hint.hurt) if hint.shown else ""),
        ("tenant", hint.tenant),
    )
    return ((name, words) for name, words in told if words)


def evidence_words(seen: Evidence) -> str:
    """Tell what a trial measured, in units of the metric; empty where there was none."""
    if not seen.sessions and not seen.own_gain:
        return ""
    words = f"gain {seen.own_gain:+.3f} on the failed session"
    if seen.sessions:
        words += f", {seen.gain:+.3f} on {seen.sessions} similar ones (at least {seen.low:+.3f})"
    words += "" if seen.confirmed else "; less on those that came later"
    return words + ("" if seen.adds else "; surely no more than what is active")


def counted(shown: int, helped: int, hurt: int) -> str:
    """Tell how a hint fared, with the interval of the share that it helped."""
    words = f"shown {shown}, helped {helped}, hurt {hurt}"
    if helped + hurt:
        low, high = share_bounds(helped, hurt, LifeRules().confidence)
        words += f"; share of helped {low:.2f} to {high:.2f}"
    return words


def deed(entry: Entry) -> str:
    """Tell in a word or two what an entry of the log did."""
    if entry.hint is not None:
        return str(entry.hint.status)
    if entry.action is Action.SUPPORT:
        return "supported"
    counts = (("shown", entry.shown), ("helped", entry.helped), ("hurt", entry.hurt))
    return ", ".join(f"{name} {count}" for name, count in counts if count)


def when(seconds: float) -> str:
    """Write a time (seconds since 1970) down, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _provenance(told: Provenance) -> str:
    parts = (
        told.source,
        f"at {when(told.created)} UTC" if 0 < told.created < 4e9 else "",
        f"session {told.session_id}" if told.session_id else "",
        f"model {told.model}" if told.model else "",
        f"prompt {told.prompt_version}" if told.prompt_version else "",
        f"out of {told.parent}" if told.parent else "",
    )
    return ", ".join(part for part in parts if part)
