"""Joining hints that overlap: which ones, and whether the joint one is as good."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from re2llm.errors import UserError
from re2llm.graph.cases import Case
from re2llm.graph.parts import Parts
from re2llm.kb_store.effect import evidence
from re2llm.kb_store.hint import Evidence, Hint, Status
from re2llm.kb_store.lineage import merge
from re2llm.llm.judge import HintJudge

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """Merges hints of the settings' tenant, measured on validation sessions.

    Attributes:
        sessions: so many of those on which either of the two changed the order most; each costs a
            call per text.
        looked_at: so many are looked at to find those.
    """

    parts: Parts
    sessions: int = 48
    looked_at: int = 96

    async def join(self, a: Hint, b: Hint, *, by: str) -> Hint | None:
        """Put one hint in the place of two, where it gains no less; see `lineage.merge`.

        Raises:
            UserError: they are the same hint, or one of them is not active.
        """
        if a.hint_id == b.hint_id:
            raise UserError(f"{a.hint_id!r} cannot be merged with itself; name two hints")
        for hint in (a, b):
            if hint.status is not Status.ACTIVE:
                raise UserError(
                    f"hint {hint.hint_id!r} is {hint.status}, and only active ones are merged"
                )
        cases = await self._telling(a.text, b.text)

        async def measure(text: str) -> Evidence:
            gains = await self.parts.measure.gains(cases, text)
            seen = evidence(0.0, gains, _CONFIDENCE)
            return replace(seen, own_gain=seen.gain)

        return await merge(
            self.parts.store,
            a.hint_id,
            b.hint_id,
            HintJudge(self.parts.client),
            measure,
            by=by,
            tenant=a.tenant,
            leak=self.parts.leak.fault,
        )

    async def overlapping(self, most: int) -> list[tuple[Hint, Hint]]:
        """Return up to `most` pairs of active hints that the model takes for the same.

        No hint is in two pairs, and what a person wrote is left alone.
        """
        parts, taken = self.parts, set[str]()
        tenant = parts.settings.tenant
        pairs: list[tuple[Hint, Hint]] = []
        for hint in await asyncio.to_thread(
            lambda: parts.store.hints(tenant=tenant, status=[Status.ACTIVE])
        ):
            if len(pairs) >= most:
                break
            if hint.hint_id in taken or hint.provenance.source == "person":
                continue
            twin = await parts.redundancy.twin(
                hint.text, tenant=tenant, status=[Status.ACTIVE], besides=hint.hint_id
            )
            if twin is None or twin.hint_id in taken or twin.provenance.source == "person":
                continue
            taken |= {hint.hint_id, twin.hint_id}
            pairs.append((hint, twin))
        return pairs

    async def _telling(self, *texts: str) -> list[Case]:
        cases = await asyncio.to_thread(self.parts.some_valid, self.looked_at)
        measured = [await self.parts.measure.each_gain(cases, text) for text in texts]
        moved = np.abs(np.array([[gain or 0.0 for gain in gains] for gains in measured]))
        order: Sequence[int] = (
            np.argsort(-moved.sum(axis=0), kind="stable").tolist() if cases else ()
        )
        return [cases[place] for place in order[: self.sessions]]
