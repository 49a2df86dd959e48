"""What a trial's evidence makes of a hint."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from re2llm.kb_store.form import FormRules
from re2llm.kb_store.hint import Evidence, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRules:
    """What a hint must show before it may be used.

    A hint need not help everywhere, since the policy picks the sessions: its effect is measured on
    the session that failed and on held-out sessions like it.
    """

    sessions: int = 24
    """Similar held-out sessions in a full trial; each costs one call, and one more uncached."""
    pilot: int = 4
    """So many are tried first, then three times as many, and so on; a trial ends early where the
    hint only did harm so far, or has gained nothing on average over `min_sessions`."""
    min_sessions: int = 8
    """With fewer than this the hint becomes a shadow at most."""
    confirm: int = 96
    """So many further sessions, next in likeness, try a hint that looked good on the first ones.

    Of many hints tried some look good by luck. So one becomes active only where it gains on
    sessions that had no part in its looking good, too, and on all together.
    """
    sure: float = 0.99
    """One-sided confidence of the gain on the further sessions alone. Were ten hints to look good
    by luck beside five good ones, at 95 % every tenth active one would be junk.
    """
    looks_good: float = 0.84
    """One-sided confidence, that a gain on the first sessions is worth further ones; on those alone
    it must then hold with `confidence`."""
    confidence: float = 0.95
    """One-sided, that the effect is real, over all trials of one hint together.

    A hint that failed before is judged more strictly each time: the k-th trial may be wrong with
    probability (1 - confidence) / (k (k + 1)), which adds up to 1 - confidence at most, so that no
    hint gets in by being proposed often.
    """
    threshold: float = 0.0
    """What the lower bound of the mean gain must reach, in the metric's units."""
    margin: float = 0.01
    """By so much a duplicate's lower bound must beat the old one's to take its place."""
    challenge: bool = True
    """Whether a duplicate of an active hint may take its place; off saves the calls for it.

    It is tried further only where it helps more than the old one on the failed session.
    """
    rivals: int = 8
    """So many active hints at most, those that gain most on the failed session, that a new one is
    measured against; 0 measures it against none.

    Each is asked on the first sessions, the best of them on the further ones. A hint that gains no
    more there than what is active already would add nothing to it but the luck of a larger choice.
    """
    looked_at: int = 32
    """So many active hints at most, those of the surest gain, are asked on the failed session."""
    adds: float = 0.95
    """One-sided confidence that it gains more than the best of them, over all trials of one hint
    together, as for `confidence`."""
    sources: int = 1
    """So many independent sources must lead to a hint before it becomes active.

    1 fits exploration over one's own log; feedback from outside wants 2 or more.
    """
    form: FormRules = field(default_factory=FormRules)


def hopeless(gains: Sequence[float], rules: AdmissionRules) -> bool:
    """Say whether a trial that began like this is not worth going on with."""
    known = [gain for gain in gains if math.isfinite(gain)]
    if not known or sum(known) > 0:
        return False
    return len(known) >= rules.min_sessions or (max(known) <= 0 and min(known) < 0)


def verdict(seen: Evidence, rules: AdmissionRules) -> tuple[Status, str]:
    """Say what a trial's evidence makes of a hint, and why."""
    words = (
        f"gain {seen.own_gain:+.3f} on the failed session, {seen.gain:+.3f} on {seen.sessions}"
        f" similar ones (at least {seen.low:+.3f})"
    )
    if seen.own_gain <= 0:
        return Status.REFUSED, f"does not help on the failed session ({seen.own_gain:+.3f})"
    if seen.sessions == 0:
        return Status.CANDIDATE, "helps on the failed session; there was no similar one to try"
    if seen.gain <= 0:
        return Status.REFUSED, f"does not help on similar sessions: {words}"
    if seen.low < rules.threshold or seen.sessions < rules.min_sessions:
        return Status.SHADOW, f"promising, on thin evidence: {words}"
    if not seen.confirmed:
        return Status.SHADOW, f"looked good, and less so on further sessions: {words}"
    if not seen.adds:
        return Status.SHADOW, f"helps, and not surely more than what is active: {words}"
    return Status.ACTIVE, f"admitted: {words}"
