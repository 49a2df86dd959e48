"""What a served hint is counted for: shown, helped or hurt, by what kind of session."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from re2llm.catalog.items import Catalog
from re2llm.kb_store.errors import UnknownHint
from re2llm.kb_store.hint import Status
from re2llm.kb_store.store import HintStore
from re2llm.llm.ranking import RankTask
from re2llm.nodes.reading import rank_task
from re2llm.nodes.state import Feedback, State


class Base(Protocol):
    """Orders candidates as they would be served; costs a call where it is not cached."""

    async def order(self, task: RankTask, hint: str | None) -> list[str] | None:
        """Return every candidate's id, best first, or None where the model gave no full answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts what became of a slate that was served with a hint, once however often it is told.

    The hint was *shown*. It *helped* where the item taken stands higher in the served slate than
    in the slate of the same question without a hint, and *hurt* where it stands lower; places
    below the first `depth` are all one place. The slate without a hint has to be asked for, so
    this is measured on a fixed share of the slates, drawn by their ids. What one source does is
    counted once per hint in this, so that nobody can talk a hint up or down alone.

    Shoppers take more readily what stands high, whichever order put it there: the counts lean
    towards helped. They are good enough to retire a hint that hurts all the same; what makes a
    hint active is admission's paired trial.

    Shadows are never shown. On a share of the slates that were served without a hint, one shadow,
    drawn by the slate's id, is asked for an order too, and helped or hurt where the item taken
    stands higher or lower in it than in the slate. What was shown leans against the shadow here,
    so one that helps all the same may become active. Nothing of this touches what is served, nor
    the propensities that it is logged with.

    Attributes:
        base: orders with any hint or none; None leaves helped and hurt uncounted.
        share: of the slates on which helped and hurt are measured.
        shadows: of the slates without a hint on which a shadow is tried; each costs a call.
        depth: how many places count.
    """

    store: HintStore
    catalog: Catalog
    base: Base | None = None
    share: float = 0.25
    shadows: float = 0.0
    depth: int = 10

    async def count(self, state: State, feedback: Feedback, *, slate: str, tenant: str) -> None:
        """Count a slate by the feedback that came for it; `slate` names it."""
        choice = state.get("hint")
        hint_id = choice["hint_id"] if choice else None
        if state["ranking"]["degraded"] is not None:
            return
        if hint_id is None:
            await self._try_shadow(state, feedback, slate=slate, tenant=tenant)
            return
        kind = session_kind(state.get("session", []))
        await self._record(hint_id, "shown", kind, tenant, once=f"slate {slate}")
        chosen, items = feedback["chosen"], state["ranking"]["items"]
        if chosen not in items or self.base is None or _lot(slate) >= self.share:
            return
        order = await self.base.order(rank_task(state, self.catalog), None)
        if order is None or chosen not in order:
            return
        effect = self._effect(chosen, order, items)
        if effect is not None:
            await self._record(hint_id, effect, kind, tenant, once=_once(feedback, slate))

    async def _try_shadow(
        self, state: State, feedback: Feedback, *, slate: str, tenant: str
    ) -> None:
        chosen, items = feedback["chosen"], state["ranking"]["items"]
        if chosen not in items or self.base is None or _lot(f"shadow {slate}") >= self.shadows:
            return
        found = await asyncio.to_thread(self.store.hints, tenant=tenant, status=[Status.SHADOW])
        if not found:
            return
        hint = found[int(_lot(f"which shadow {slate}") * len(found))]
        task = replace(rank_task(state, self.catalog), hint=None)
        order = await self.base.order(task, hint.text)
        if order is None or chosen not in order:
            return
        effect = self._effect(chosen, items, order)
        if effect is not None:
            kind = session_kind(state.get("session", []))
            await self._record(hint.hint_id, effect, kind, tenant, once=_once(feedback, slate))

    def _effect(self, chosen: str, without: Sequence[str], with_: Sequence[str]) -> str | None:
        """Say whether the item taken stands higher or lower with a hint, or None."""
        before, after = (min(one.index(chosen), self.depth) for one in (without, with_))
        return None if before == after else "helped" if after < before else "hurt"

    async def _record(self, hint_id: str, what: str, kind: str, tenant: str, *, once: str) -> None:
        try:
            await asyncio.to_thread(
                self.store.record, hint_id, **{what: 1}, kind=kind, tenant=tenant, once=once
            )
        except UnknownHint:
            return


def _once(feedback: Feedback, slate: str) -> str:
    source = feedback.get("session") or feedback.get("source")
    return f"slate {slate}, judged" if source is None else f"source {source}"


def session_kind(session: Sequence[str]) -> str:
    """Say what kind of session this is: empty, repeat, single, short (to 4 items) or long."""
    if not session:
        return "empty"
    if len(set(session)) < len(session):
        return "repeat"
    if len(session) == 1:
        return "single"
    return "short" if len(session) <= 4 else "long"


def _lot(slate: str) -> float:
    """Draw a number in [0, 1) by a slate's name."""
    return int.from_bytes(hashlib.sha256(slate.encode()).digest()[:4]) / 2**32
