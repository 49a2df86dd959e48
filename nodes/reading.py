"""How the steps read the state back into values."""

from dataclasses import fields

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Catalog, Item
from re2llm.llm.ranking import RankTask
from re2llm.llm.usage import Usage
from re2llm.nodes.state import State

_BILL = tuple(one.name for one in fields(Usage))


def session_items(state: State, catalog: Catalog) -> tuple[Item, ...]:
    """Return the session's items that the catalogue still has, oldest first."""
    return tuple(item for i in state.get("session", []) if (item := catalog.get(i)) is not None)


def candidates(state: State, catalog: Catalog) -> tuple[Candidate, ...]:
    """Return the candidates that the catalogue still has, in retrieval order."""
    return tuple(
        Candidate(
            item=item,
            score=scored["score"],
            evidence=scored["evidence"],
            notes=tuple(scored["notes"]),
        )
        for scored in state.get("candidates", [])
        if (item := catalog.get(scored["item_id"])) is not None
    )


def rank_task(state: State, catalog: Catalog, *, reasons: bool = False) -> RankTask:
    """Return the question that this state puts to the reranker."""
    choice = state.get("hint")
    return RankTask(
        session=session_items(state, catalog),
        candidates=candidates(state, catalog),
        request=state.get("request"),
        hint=choice["text"] if choice else None,
        k=state.get("k", 10),
        reasons=reasons,
    )


def usage_entry(usage: Usage) -> dict[str, float]:
    """Return a bill as plain JSON."""
    return {name: float(getattr(usage, name)) for name in _BILL}
