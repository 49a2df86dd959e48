"""Whether a hint says what another one says already: by distance first, then by a question."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.names import tokens
from re2llm.kb_store.store import HintStore
from re2llm.kb_store.words import TURNS


class Judge(Protocol):
    """Says whether two hints ask for the same; a language model's work."""

    async def same(self, a: str, b: str) -> bool | None:
        """Return whether they do, or None where there is no usable answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedundancyRules:
    """How near two hints may be; the cosines belong to the encoder in use."""

    same: float = 0.93
    """From this cosine on two hints say the same, unless a word turns one of them round."""
    ask: float = 0.6
    """From this cosine on the judge is asked."""
    alone: float = 0.8
    """From this cosine on two hints count as the same where no judge answers."""
    neighbours: int = 3
    """So many of the nearest hints are looked at; each may cost a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redundancy:
    """Looks for a hint of the same tenant that says the same."""

    store: HintStore
    judge: Judge | None = None
    rules: RedundancyRules = RedundancyRules()

    async def twin(
        self, text: str, *, tenant: str, status: Sequence[Status], besides: str = ""
    ) -> Hint | None:
        """Return the nearest hint of these statuses that says the same as `text`, or None.

        The hint with the id `besides` is passed over.
        """
        near = await asyncio.to_thread(
            self.store.nearest, text, self.rules.neighbours + 1, tenant=tenant, status=status
        )
        for hint, cosine in near:
            if cosine < self.rules.ask:
                break
            if hint.hint_id != besides and await self._same(text, hint.text, cosine):
                return hint
        return None

    async def _same(self, a: str, b: str, cosine: float) -> bool:
        turned = (set(tokens(a)) ^ set(tokens(b))) & TURNS
        if cosine >= self.rules.same and not turned:
            return True
        said = None if self.judge is None else await self.judge.same(a, b)
        if said is not None:
            return said
        return cosine >= self.rules.alone and not turned
