"""What becomes of a hint with time: promoted, retired, timed out, or crowded out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import ndtri

from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import HintStore

FROM_OUTSIDE = "feedback"
"""The source of hints that strangers led to."""
_ALIVE = (Status.ACTIVE, Status.SHADOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeRules:
    """When running evidence moves a hint."""

    decided: int = 12
    """So many slates must have been helped or hurt before anything is concluded from them."""
    confidence: float = 0.95
    """One-sided, of the bounds on the share of helped among helped and hurt."""
    seconds_unshown: float = 180 * 86400.0
    """A shadow or active hint that nobody was shown for so long is retired; 0 switches this off."""
    size: int = 0
    """At most so many active hints per tenant; 0 means no limit."""
    sources: int = 2
    """So many independent sources must have led to a shadow from feedback before it is activated:
    whoever forged a hint may have forged the sessions that it helps."""
    prior_sessions: float = 8.0
    """So many imaginary sessions without any effect pull a hint's estimated gain towards 0."""
    step: float = 0.1
    """What a helped (or hurt) slate counts in the metric's units, beside measured gains."""


def share_bounds(helped: int, hurt: int, confidence: float) -> tuple[float, float]:
    """Return Wilson's one-sided bounds on the share of helped slates; (0, 1) without any.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    n = helped + hurt
    if n == 0:
        return 0.0, 1.0
    z = float(ndtri(confidence))
    share = helped / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def worth(hint: Hint, rules: LifeRules) -> tuple[float, float]:
    """Estimate a hint's gain and how far it may be off (one standard error), in metric units.

    Admission's mean over its sessions and the running counts are pooled, and shrunk towards 0 by
    `prior_sessions`; each observation is taken to vary by twice the `step`.
    """
    seen = hint.evidence.sessions
    total = hint.evidence.gain * seen + rules.step * (hint.helped - hint.hurt)
    n = rules.prior_sessions + seen + max(hint.shown, hint.helped + hint.hurt)
    return total / n, 2 * rules.step / math.sqrt(n)


def next_status(
    hint: Hint, rules: LifeRules, *, unshown_for: float = 0.0
) -> tuple[Status, str] | None:
    """Say where a hint moves and why, or None where it stays; people's decisions stand.

    Args:
        hint: with its running statistics.
        rules: when to move.
        unshown_for: seconds since it was last shown, or written or moved if that was later.
    """
    if hint.status not in _ALIVE:
        return None
    counted = f"{hint.helped} helped, {hint.hurt} hurt, {hint.shown} shown"
    if hint.helped + hint.hurt >= rules.decided:
        low, high = share_bounds(hint.helped, hint.hurt, rules.confidence)
        if high < 0.5:
            return Status.RETIRED, f"hurts more than it helps: {counted} (share below {high:.2f})"
        if hint.status is Status.SHADOW and low > 0.5:
            return Status.ACTIVE, f"helps more than it hurts: {counted} (share above {low:.2f})"
    if 0 < rules.seconds_unshown < unshown_for:
        return Status.RETIRED, f"not shown for {unshown_for / 86400:.0f} days"
    return None


def crowded_out(hints: Sequence[Hint], rules: LifeRules) -> list[Hint]:
    """Return the active hints that go when there are too many.

    Those go whose gain, given the benefit of the doubt (estimate plus one standard error), is
    smallest: a young hint that may yet be good outlives an old one that is known to do little.
    What a person wrote goes last.
    """
    active = [hint for hint in hints if hint.status is Status.ACTIVE]
    surplus = len(active) - rules.size
    if rules.size <= 0 or surplus <= 0:
        return []

    def hope(hint: Hint) -> tuple[bool, float, str]:
        gain, error = worth(hint, rules)
        return hint.provenance.source == "person", gain + error, hint.hint_id

    return sorted(active, key=hope)[:surplus]


def sweep(
    store: HintStore,
    rules: LifeRules,
    *,
    now: float,
    last_noted: Mapping[str, float],
    by: str = "life",
    tenant: str = "default",
) -> list[Hint]:
    """Move every hint of a tenant that must move, in one write, and return those moved.

    Args:
        store: the knowledge base.
        rules: when to move.
        now: seconds since 1970.
        last_noted: hint id to when it was last shown, written or moved (`AuditLog.last_noted`): who
            is switched on or approved again gets all the time there is.
        by: for the record.
        tenant: whose hints.
    """
    moved: dict[str, Hint] = {}
    hints = store.hints(tenant=tenant)
    for hint in hints:
        since = last_noted.get(hint.hint_id, hint.provenance.created)
        move = next_status(hint, rules, unshown_for=now - since if since > 0 else 0.0)
        if move is not None and not (move[0] is Status.ACTIVE and _lonely(store, hint, rules)):
            moved[hint.hint_id] = replace(hint, status=move[0], reason=move[1])
    for hint in crowded_out([moved.get(hint.hint_id, hint) for hint in hints], rules):
        gain, _ = worth(hint, rules)
        reason = f"crowded out: at most {rules.size} are kept, and its gain is near {gain:+.3f}"
        moved[hint.hint_id] = replace(hint, status=Status.RETIRED, reason=reason)
    store.put_all(list(moved.values()), by=by, why="life of the hints")
    return list(moved.values())


def _lonely(store: HintStore, hint: Hint, rules: LifeRules) -> bool:
    if hint.provenance.source != FROM_OUTSIDE:
        return False
    return store.supporters(hint.hint_id, tenant=hint.tenant) < rules.sources
