"""First step: which items may be recommended at all."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langgraph.runtime import Runtime

from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog, is_sold
from re2llm.nodes.context import Context
from re2llm.nodes.intake import read_request
from re2llm.nodes.protocols import Retriever
from re2llm.nodes.state import ScoredItem, State
from re2llm.one_hop import Hop

MAX_SESSION = 50
"""So many of the latest items of a session count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveCandidates:
    """Turn a session into scored candidates; given candidates are only scored.

    Attributes:
        limit: how many candidates a reranker sees at most.
        max_session: how many of the latest items of a session count.
        exclude_seen: whether retrieved candidates leave out the session's own items, where the
            caller's filters do not say.
        sold_only: whether given candidates that are out of stock, or removed, are left out, as they
            are from retrieved ones. Sessions on record are judged by what was sold then.
        off_loop: how blocking work leaves the event loop.
    """

    catalog: Catalog
    retriever: Retriever
    limit: int = 50
    max_session: int = MAX_SESSION
    exclude_seen: bool = True
    sold_only: bool = True
    off_loop: Hop = asyncio.to_thread

    async def __call__(self, state: State, runtime: Runtime[Context]) -> State:
        """Write the checked request, the candidates, and what had to be ignored.

        Raises:
            UserError: the request or its filters are malformed.
        """
        asked = read_request({**state, "candidates": state.get("given_candidates")})
        filters = Filters.parse(asked.filters)
        notices: list[str] = []
        session = self._known(asked.session, "session", notices)
        if len(session) > self.max_session:
            notices.append(
                f"the session has {len(session)} items; the latest {self.max_session} count"
            )
            session = session[-self.max_session :]
        query = Query(session=tuple(session), request=asked.request, filters=filters)
        if asked.candidates is None:
            if self.exclude_seen and "exclude_seen" not in (asked.filters or {}):
                query = replace(query, filters=replace(filters, exclude_seen=True))
            found = await self.off_loop(self.retriever.retrieve, query, self.limit)
        else:
            given = list(dict.fromkeys(self._known(asked.candidates, "candidates", notices)))
            if len(given) < len(asked.candidates):
                notices.append(f"{len(given)} of {len(asked.candidates)} given candidates are used")
            if self.sold_only:
                given = self._sold(given, notices)
            found = await self.off_loop(self.retriever.score, query, given)
        if not found:
            unheard = await asyncio.to_thread(self._unheard_of, filters)
            why = (
                f"no item has the attribute {unheard!r}" if unheard else "no item meets the request"
            )
            notices.append(f"{why}; the slate is empty")
        elif asked.k > len(found):
            notices.append(f"k is {asked.k}; candidates there are: {len(found)}")
        runtime.stream_writer({"step": "retrieve_candidates", "candidates": len(found)})
        return {
            "serving": uuid.uuid4().hex,
            "session": session,
            "k": asked.k,
            "candidates": [_scored(candidate) for candidate in found],
            "new_hints": [],
            "usage": {"reflect": {}},
            "notices": {"retrieve_candidates": notices, "reflect": []},
        }

    def _unheard_of(self, filters: Filters) -> str | None:
        """Return an attribute that is filtered by and that no item has: a slip, most likely."""
        for name in (*filters.equal, *filters.ranges):
            if not any(name in item.attributes for item in self.catalog):
                return name
        return None

    def _sold(self, ids: Sequence[str], notices: list[str]) -> list[str]:
        sold = [item_id for item_id in ids if is_sold(self.catalog[item_id])]
        if len(sold) < len(ids):
            gone = next(item_id for item_id in ids if item_id not in sold)
            more = f" and {len(ids) - len(sold) - 1} more" if len(ids) - len(sold) > 1 else ""
            notices.append(f"candidates: out of stock and left out: {gone[:40]!r}{more}")
        return sold

    def _known(self, ids: Sequence[str], field: str, notices: list[str]) -> list[str]:
        known = [item_id for item_id in ids if item_id in self.catalog]
        if unknown := [item_id for item_id in ids if item_id not in self.catalog]:
            shown = ", ".join(repr(item_id[:40]) for item_id in unknown[:3])
            more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
            notices.append(f"{field}: not in the catalogue and ignored: {shown}{more}")
        return known


def _scored(candidate: Candidate) -> ScoredItem:
    return {
        "item_id": candidate.item.item_id,
        "score": float(candidate.score),
        "evidence": {source: float(score) for source, score in candidate.evidence.items()},
        "notes": list(candidate.notes),
    }
