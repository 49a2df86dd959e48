"""Whether a hint says what another one says already: by distance first, then by questions."""

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

    async def which(self, text: str, others: Sequence[str]) -> int | None:
        """Return the number (from 1) of the one that does, 0 for none, None for no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedundancyRules:
    """How near two hints may be; the cosines belong to the encoder in use."""

    same: float = 0.93
    """From this cosine on two hints say the same, unless a word turns one of them round."""
    ask: float = -1.0
    """From this cosine on the judge is asked. A lexical encoder puts other words for one rule no
    nearer than another rule, so with it all of the nearest are asked about."""
    alone: float = 0.8
    """From this cosine on two hints count as the same where no judge answers."""
    neighbours: int = 60
    """So many of the nearest hints are asked about, in one question; what it picks is asked about
    once more by itself. More than two questions a draft never costs."""


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
        found = await asyncio.to_thread(
            self.store.nearest, text, self.rules.neighbours + 1, tenant=tenant, status=status
        )
        near = [pair for pair in found if pair[0].hint_id != besides][: self.rules.neighbours]
        for hint, cosine in near:
            if cosine >= self.rules.same and not _turned(text, hint.text):
                return hint
        worth = [hint for hint, cosine in near if cosine >= self.rules.ask]
        said = (
            None if self.judge is None or not worth else await self._pick(self.judge, text, worth)
        )
        if said is not None:
            return said[0]
        for hint, cosine in near:
            if cosine >= self.rules.alone and not _turned(text, hint.text):
                return hint
        return None

    async def _pick(
        self, judge: Judge, text: str, hints: Sequence[Hint]
    ) -> tuple[Hint | None] | None:
        """Return what the judge found, which may be nothing; None where it gave no answer."""
        if len(hints) == 1:
            number: int | None = 1
        else:
            number = await judge.which(text, [hint.text for hint in hints])
        if not number:
            return None if number is None else (None,)
        same = await judge.same(text, hints[number - 1].text)
        if same is None:
            return None
        return (hints[number - 1] if same else None,)


def _turned(a: str, b: str) -> bool:
    """Say whether a word of one turns round what the other says."""
    return bool((set(tokens(a)) ^ set(tokens(b))) & TURNS)
