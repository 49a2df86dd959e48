"""What retrieval is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A session so far (known item ids, oldest first), the shopper's words, and hard limits."""

    session: tuple[str, ...]
    request: str | None = None
    filters: Filters = field(default_factory=Filters)


@dataclass(slots=True, kw_only=True)
class Candidate:
    """An item that may be recommended, and why retrieval thinks so; not to be changed.

    Not frozen, alone among our values: a request makes fifty, and frozen ones take six times as
    long to make.

    Attributes:
        score: fused retrieval score; higher is better, comparable within one answer only.
        evidence: score of each source by name (`neighbours`, `together`, `popularity`, `text`,
            `attributes`, ...), z-scored within the candidates of one answer; 0 where a source
            knows nothing.
        notes: a few plain words per source that has something to say ("often bought next",
            "popular now", "same brand as 2 items of the session"), to be told to a language model.
    """

    item: Item
    score: float
    evidence: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
