"""What a session carries from step to step: plain JSON, so that any checkpointer can keep it."""

from typing import Annotated, NotRequired, TypedDict, TypeVar

V = TypeVar("V")


def merge_by_step(left: dict[str, V] | None, right: dict[str, V] | None) -> dict[str, V]:
    """Join what the steps noted; a step that runs again replaces its own note."""
    return {**(left or {}), **(right or {})}


class ScoredItem(TypedDict):
    """A candidate as retrieval left it."""

    item_id: str
    score: float
    evidence: dict[str, float]
    notes: list[str]


class Asking(TypedDict):
    """A further way to ask the model for the same slate."""

    hint_id: str | None
    text: str | None


class HintChoice(TypedDict):
    """Which hint was chosen, and how likely that was."""

    hint_id: str | None
    text: str | None
    propensity: float
    """Probability with which the policy takes this action in this session."""
    policy: str
    """Version of the policy that chose."""
    eligible: list[str]
    """Ids of the hints it could have chosen; no-hint is always possible."""
    gain: float | None
    """Predicted gain over no hint, in the reward's units, where the policy predicts one."""
    also: NotRequired[list[Asking]]
    """What else to ask with; the orders are mixed. Missing where one call makes the slate."""


class Ranking(TypedDict):
    """The slate: a complete permutation of the candidates."""

    items: list[str]
    """Item ids after fusion with the retrieval evidence, best first."""
    model_items: list[str]
    """Item ids in the model's own order, completed in retrieval order."""
    reasons: dict[str, str]
    repairs: dict[str, int]
    degraded: str | None


class Feedback(TypedDict):
    """What the shopper did with the slate."""

    chosen: str | None
    """The item taken, or None when nothing was."""
    source: NotRequired[str]
    """Who says so (an opaque shopper or client id): new hints need independent ones."""
    session: NotRequired[str]
    """For whom, where one source speaks for many; takes turns in the quota, is heard once."""
    slate: NotRequired[str]
    """Which slate it is about; for another one it is not heard."""


class NewHint(TypedDict):
    """What became of a proposed hint."""

    hint_id: str
    text: str
    status: str
    reason: str


class State(TypedDict, total=False):
    """All that the steps read and write."""

    slate_id: str
    """The caller's name for this slate."""
    serving: str
    """Ours, new for every slate, so that feedback stays with the one that it was given for."""
    tenant: str
    """For whom the slate was made; feedback from anybody else is refused."""
    session: list[str]
    request: str | None
    filters: dict[str, object] | None
    k: int
    given_candidates: list[str] | None
    candidates: list[ScoredItem]
    hint: HintChoice
    ranking: Ranking
    feedback: Feedback | None
    new_hints: list[NewHint]
    usage: Annotated[dict[str, dict[str, float]], merge_by_step]
    """Per step: calls, tokens, money, cache hits."""
    notices: Annotated[dict[str, list[str]], merge_by_step]
    """Per step: what was ignored, repaired, or fallen back to, in words for the caller."""
