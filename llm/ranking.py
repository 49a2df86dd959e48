"""What a reranker is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.llm.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTask:
    """One question to a reranker.

    Attributes:
        session: the session's items, oldest first, already bounded in length.
        candidates: in retrieval order, best first.
        request: what the shopper said, if anything; untrusted text.
        hint: the hint's text, or None.
        k: how many places of the slate are shown; reasons are wanted for these.
        reasons: whether a reason per shown item is wanted (costs output tokens).
        until: by when it must be answered, in `time.monotonic()`'s seconds; None leaves it to the
            reranker. All that is asked for one slate carries the same time.
    """

    session: tuple[Item, ...]
    candidates: tuple[Candidate, ...]
    request: str | None = None
    hint: str | None = None
    k: int = 10
    reasons: bool = False
    until: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """What had to be mended to make a complete permutation out of an answer."""

    unknown: int = 0
    """Entries that name no candidate; dropped."""
    repeated: int = 0
    """Entries that name a candidate again; the first stays."""
    missing: int = 0
    """Candidates that the answer does not name; appended in retrieval order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankAnswer:
    """A complete permutation of the task's candidates.

    Attributes:
        order: item ids, best first; exactly the task's candidates, each once.
        listed: how many leading entries of `order` the model itself named.
        reasons: item id to a short reason, for some of the shown items.
        degraded: why the model's word is not (fully) behind this order, or None.
            With `listed == 0` the order is the retrieval order.
    """

    order: tuple[str, ...]
    listed: int
    reasons: Mapping[str, str] = field(default_factory=dict)
    repairs: Repairs = field(default_factory=Repairs)
    degraded: str | None = None
    usage: Usage = field(default_factory=Usage)
