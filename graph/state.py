"""What goes into the graph, and what comes out."""

from typing import TypedDict

from re2llm.nodes.state import Feedback, HintChoice, NewHint, Ranking, ScoredItem


class RecommendInput(TypedDict, total=False):
    """What a caller hands in; everything is optional."""

    slate_id: str
    """The caller's name for this slate; the application gives one."""
    session: list[str]
    """Item ids, oldest first."""
    request: str | None
    """What the shopper says."""
    given_candidates: list[str] | None
    """Item ids to rank; given ones skip retrieval."""
    filters: dict[str, object] | None
    """Hard limits, as `re2llm.catalog.filters.Filters.parse` reads them."""
    k: int
    """How many places are shown; 10 without a word."""
    feedback: Feedback | None
    """What the shopper took, where it is known already (batch, training, evaluation)."""


class RecommendOutput(TypedDict, total=False):
    """What a caller gets."""

    slate_id: str
    session: list[str]
    k: int
    candidates: list[ScoredItem]
    hint: HintChoice
    ranking: Ranking
    feedback: Feedback | None
    new_hints: list[NewHint]
    usage: dict[str, dict[str, float]]
    notices: dict[str, list[str]]
