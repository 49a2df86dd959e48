"""Candidates that were found before: every arm of a comparison sees the same ones, found once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from re2llm.catalog.candidates import Candidate, Query
from re2llm.nodes.protocols import Retriever


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCandidates:
    """A retriever that remembers its answers; for one comparison, not for serving."""

    retriever: Retriever
    _known: dict[tuple[str, int | tuple[str, ...]], list[Candidate]] = field(default_factory=dict)

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        """Return up to n candidates."""
        key = (repr(query), n)
        if key not in self._known:
            self._known[key] = self.retriever.retrieve(query, n)
        return list(self._known[key])

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        """Score these items as candidates."""
        key = (repr(query), tuple(item_ids))
        if key not in self._known:
            self._known[key] = self.retriever.score(query, item_ids)
        return list(self._known[key])
