"""Which shadow hints become active because a policy gains by them.

A shadow was held back: its evidence was thin, or too few independent sources led to it. The first
can be made good by held-out sessions, and only by several of them; the second cannot be bought by
any gain, since whoever forged a hint may have forged sessions that it helps.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.parts import FEEDBACK_SOURCES, Parts
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.life import FROM_OUTSIDE
from re2llm.policy.bootstrap import Interval, mean_interval
from re2llm.policy.hint_side import HintSide
from re2llm.policy.picks import Pick

LEAST_SESSIONS = 5
"""Held-out sessions, at least, in which the policy chooses a hint that becomes active by it."""


def may_serve(parts: Parts, hint: Hint) -> bool:
    """Say whether a shadow may ever become active by training: enough sources led to it."""
    if hint.provenance.source != FROM_OUTSIDE:
        return True
    led = parts.store.supporters(hint.hint_id, tenant=hint.tenant)
    return led >= FEEDBACK_SOURCES


def earned(gains: Sequence[float], *, seed: int) -> Interval | None:
    """Return the mean gain of a shadow that has earned it to become active, else None.

    Args:
        gains: in the held-out sessions in which the policy chooses it.
        seed: of the bootstrap.
    """
    if len(gains) < LEAST_SESSIONS:
        return None
    gain = mean_interval(np.array(gains), seed=seed)
    return gain if gain.low > 0 else None


def promotable(
    parts: Parts,
    picks: Sequence[Pick],
    gains: NDArray[np.float64],
    hints: HintSide,
    *,
    seed: int,
) -> tuple[Hint, ...]:
    """Return the shadow hints that have earned it, as active ones; nothing is written.

    Args:
        parts: the opened workspace.
        picks: what the policy chooses in each held-out session.
        gains: (sessions, hints) measured there; NaN where not.
        hints: the columns.
        seed: of the bootstrap.

    A hint needs `LEAST_SESSIONS` measured sessions, a lower 95 % bound of its mean gain above 0,
    and as many sources as admission asks for.
    """
    found: dict[int, list[float]] = {}
    for row, pick in enumerate(picks):
        if pick.column is not None and np.isfinite(gains[row, pick.column]):
            found.setdefault(pick.column, []).append(float(gains[row, pick.column]))
    promoted = []
    for column, seen in sorted(found.items()):
        hint = parts.store.get(hints.ids[column], tenant=parts.settings.tenant)
        if hint is None or hint.status is not Status.SHADOW or not may_serve(parts, hint):
            continue
        gain = earned(seen, seed=seed)
        if gain is None:
            continue
        why = f"the policy chooses it in {len(seen)} held-out sessions and gains {gain} there"
        promoted.append(replace(hint, status=Status.ACTIVE, reason=why))
    return tuple(promoted)
