"""What reflection is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from re2llm.llm.ranking import RankTask
from re2llm.llm.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """A ranking that was right: the target was among the first `task.k`, maybe by `task.hint`."""

    task: RankTask
    order: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A ranking that missed: the target was not among the first `task.k`.

    Attributes:
        success: a session of the same kind in which the ranking was right, to learn from as well.
    """

    task: RankTask
    order: tuple[str, ...]
    target: str
    success: Success | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HintDraft:
    """A hint as the model wrote it, not yet admitted.

    Attributes:
        text: one or two short imperative sentences.
        title: a few words.
        when: in which sessions it should help, in words.
    """

    text: str
    title: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflection:
    """What one reflection brought."""

    drafts: tuple[HintDraft, ...] = ()
    degraded: str | None = None
    usage: Usage = field(default_factory=Usage)
    thoughts: Mapping[str, str] = field(default_factory=dict)
    """The model's words turn by turn (`guess`, `explanation`), for the record."""
