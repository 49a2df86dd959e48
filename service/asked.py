"""What a slate is asked for by, and what comes back with it."""

from collections.abc import Mapping
from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

from re2llm.catalog.items import Catalog
from re2llm.graph.slate import Slate, read_slate
from re2llm.graph.state import RecommendInput, RecommendOutput
from re2llm.threaded_saver import NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a slate is wanted for; see `Re2LLM.recommend`."""

    session: tuple[str, ...] = ()
    session_id: str | None = None
    request: str | None = None
    k: int = 5
    filters: Mapping[str, object] | None = None
    candidates: tuple[str, ...] | None = None
    hint: str = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A slate, with what retrieval had to say for each of its items."""

    slate: Slate
    notes: Mapping[str, tuple[str, ...]]


def slate_input(asked: Asked, slate_id: str) -> RecommendInput:
    """Return the graph's input."""
    return {
        "slate_id": slate_id,
        "session": list(asked.session),
        "request": asked.request,
        "given_candidates": None if asked.candidates is None else list(asked.candidates),
        "filters": None if asked.filters is None else dict(asked.filters),
        "k": asked.k,
    }


def slate_thread(slate_id: str, *, new: bool = False) -> RunnableConfig:
    """Return the thread that a slate waits in; of a new one there is nothing to be read."""
    return {"configurable": {"thread_id": slate_id, **({NEW: True} if new else {})}}


def read_served(output: RecommendOutput, catalog: Catalog) -> Served:
    """Read what the graph put out."""
    slate = read_slate(output, catalog)
    shown = set(slate.item_ids)
    notes = {
        scored["item_id"]: tuple(scored["notes"])
        for scored in output.get("candidates", [])
        if scored["item_id"] in shown
    }
    return Served(slate=slate, notes=notes)
