"""What an evaluation holds: answers per session, arms over the same sessions, and where from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from re2llm.catalog.sessions import Session
from re2llm.evals.metrics import Values
from re2llm.llm.usage import Usage

Judged = Literal["slate", "model"]
"""Which order is judged: the fused slate as served, or the model's own order alone."""

STAND_IN = "offline stand-in, not a language model"
"""The label of every number that no language model was behind."""

NO_HINT = "no hint"
BEST_STATIC = "best static hint"
RANDOM_HINT = "random hint"
NEAREST_HINT = "nearest hint"
POLICY = "policy"
HINDSIGHT = "best hint in hindsight"
ORACLE = "oracle of the policy class"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlateResult:
    """What one session got under one wish for a hint.

    Attributes:
        items: the fused slate, best first.
        model_items: the model's own order, completed to a permutation.
        hint_id: the hint that was really given, or None.
        degraded: why the model's word is not (fully) behind this order, or None.
        evidence: item id to the candidate's scores by source; the same whatever the hint.
        invented: entries of the answer that named no candidate; dropped.
        repeated: entries that named a candidate again.
        seconds: wall-clock time of the whole slate.
    """

    items: tuple[str, ...]
    model_items: tuple[str, ...]
    hint_id: str | None = None
    degraded: str | None = None
    usage: Usage = field(default_factory=Usage)
    evidence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    invented: int = 0
    repeated: int = 0
    seconds: float = 0.0


class Runner(Protocol):
    """Whatever makes slates: the compiled graph, or an application around it."""

    async def slate(self, session: Session, hint_id: str | None) -> SlateResult:
        """Rank the session's candidates.

        Args:
            session: with its candidates, or without to have them retrieved; its target must not
                reach the model.
            hint_id: a hint's id, `policy` to let the policy choose, or None for no hint.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One row of a table: a way to rank, tried on every session.

    Attributes:
        name: what the row is called.
        asks: whether a language model was asked.
        ranks: (sessions,) the target's rank in each judged order; `model` only where asked.
        shown: per session, the first places of the slate.
        hint_ids: per session, the hint that was given, or None.
        degraded: per session, why the answer is degraded, or None.
        usage: what all sessions together cost; answers taken from a cache are counted as such.
        seconds: (sessions,) time per slate; empty where nothing was asked.
    """

    name: str
    asks: bool
    ranks: Mapping[Judged, Values]
    shown: tuple[tuple[str, ...], ...]
    hint_ids: tuple[str | None, ...]
    degraded: tuple[str | None, ...]
    usage: Usage = field(default_factory=Usage)
    seconds: tuple[float, ...] = ()

    @property
    def degraded_count(self) -> int:
        """Count the sessions that did not get the model's full word."""
        return sum(reason is not None for reason in self.degraded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Where numbers come from, and how to get them again.

    Attributes:
        title: what was evaluated, for people.
        data: name of the data set and split.
        model_label: what to print for the model; a stand-in's is `STAND_IN`.
        command: what to type to repeat it.
        seed: of everything random in the evaluation.
        more: versions, hashes, settings, by name.
    """

    title: str
    data: str
    model_label: str
    command: str = ""
    seed: int = 0
    started: float = 0.0
    """Seconds since 1970."""
    more: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    """In full, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Arms over the same sessions, in the same order.

    Attributes:
        groups: (sessions,) the session itself, where it stands under several seeds; else empty.
        seeds: (sessions,) under which; empty like `groups`.
    """

    facts: Facts
    session_ids: tuple[str, ...]
    targets: tuple[str, ...]
    arms: tuple[Arm, ...]
    groups: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()

    def arm(self, name: str) -> Arm | None:
        """Return the arm of this name, or None."""
        return next((arm for arm in self.arms if arm.name == name), None)

    @property
    def usage(self) -> Usage:
        """Add up what all arms cost; an answer that two arms share is billed to the first."""
        return sum((arm.usage for arm in self.arms), Usage())


def model_label(model: str, *, stand_in: bool) -> str:
    """Say what answered, in the words that every table and picture carries."""
    return STAND_IN if stand_in else model
