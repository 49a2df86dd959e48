"""A complete table of rewards: every session with every hint, paid for once."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.judging import known_gains, paid_rewards
from re2llm.graph.parts import Parts
from re2llm.kb_store.hint import Status
from re2llm.kb_store.store import Eligible
from re2llm.policy.hint_side import hint_side

Gains = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """Sessions with what every hint changes.

    Attributes:
        gains: (cases, hints) NDCG@10 with the hint minus without, by the model's order.
        base: (cases,) NDCG@10 without a hint.
        more: (cases, numbers) features on trial, beside those of the cases.
    """

    cases: Sequence[Case]
    gains: Gains
    base: Gains
    more: NDArray[np.float32] | None = None

    @property
    def states(self) -> NDArray[np.float32]:
        """(cases, features), those on trial last."""
        own = np.stack([case.features for case in self.cases])
        return own if self.more is None else np.hstack([own, self.more])


def best_hints(parts: Parts, most: int) -> Eligible:
    """Take the hints that did best on trial; the best first."""
    status = [Status.ACTIVE, Status.SHADOW]
    hints = parts.store.hints(tenant=parts.settings.tenant, status=status)
    hints = sorted(hints, key=lambda hint: (-hint.evidence.gain, hint.hint_id))[:most]
    vectors = parts.store.encoder.encode([hint.text for hint in hints])
    return Eligible(hints=tuple(hints), vectors=vectors)


async def pay_for_all(
    parts: Parts, cases: Sequence[Case], eligible: Eligible, *, ask: bool = True
) -> Rewards:
    """Measure every case with every hint; those that the model failed on are left out.

    Args:
        parts: the opened workspace.
        cases: sessions with a known next item.
        eligible: the hints.
        ask: whether to pay for what is missing; else only whole sessions that are paid for remain.
    """
    if ask:
        await _ask_for_all(parts, cases, eligible)
    gains = known_gains(parts, cases, hint_side(eligible))
    base = parts.rewards.table(parts.scope, [case.key for case in cases], ()).base
    whole = np.isfinite(gains).all(axis=1) & np.isfinite(base)
    kept = [case for case, there in zip(cases, whole, strict=True) if there]
    return Rewards(cases=kept, gains=gains[whole], base=base[whole])


async def _ask_for_all(parts: Parts, cases: Sequence[Case], eligible: Eligible) -> None:
    texts = {hint.hint_id: hint.text for hint in eligible.hints}
    source = paid_rewards(parts, cases, texts)
    started = time.perf_counter()
    for row in range(len(cases)):
        await source.rewards([(row, hint_id) for hint_id in texts])
        done = row + 1
        left = (time.perf_counter() - started) / done * (len(cases) - done)
        sys.stderr.write(f"\r{done}/{len(cases)} sessions, {left:.0f} s left    ")
    sys.stderr.write("\n")


def keep(path: Path, train: Rewards, held_out: Rewards, eligible: Eligible, about: str) -> None:
    """Write a table's numbers to an .npz file."""
    np.savez(
        path,
        train_states=train.states, train_gains=train.gains, train_base=train.base,
        held_out_states=held_out.states, held_out_gains=held_out.gains,
        held_out_base=held_out.base, about=np.array(about),
        hints=np.array([hint.text for hint in eligible.hints]),
    )  # fmt: skip
