"""How far an exploration goes, what it brought, and why it ended."""

from dataclasses import dataclass
from enum import StrEnum

from re2llm.llm.usage import Usage


class Ending(StrEnum):
    """Why an exploration ended."""

    ENOUGH = "the knowledge base holds as many active hints as asked for"
    FLAT = "new hints no longer add to what the others gain on held-out sessions"
    DRY = "the last reflections brought nothing that was admitted"
    DONE = "every error was reflected on"
    BUDGET = "the budget is used up; what was learnt and paid for is kept"
    SILENT = "the model gave no usable answers; `re2llm doctor` tells what is reachable"
    RIGHT = "no session missed an item that was among its candidates, so there is nothing to learn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How far an exploration goes.

    Attributes:
        hints: stop when this many hints are active.
        patience: stop when this many reflections in a row brought no hint that was admitted, be it
            active or a shadow.
        side_by_side: reflections at a time.
        held_out: so many validation sessions measure what the active hints are worth together;
            each new active hint costs as many calls.
        flat: stop when so many new active hints in a row added less than `least` to that; 0 never
            stops for it, and measures nothing.
        least: in the metric's units, per session.
        compare: whether each miss is shown beside a similar session whose ranking was right.
    """

    hints: int = 20
    patience: int = 25
    side_by_side: int = 4
    held_out: int = 64
    flat: int = 5
    least: float = 0.002
    compare: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What an exploration brought.

    Attributes:
        sessions: how many there were; `errors` of them missed the shown places, in `absent` the
            item was not among the candidates, and to `unranked` the model gave no full answer.
        reflections: errors that were looked into. In `spared` of them the slate was right where the
            model's own order was not, and nothing was asked; in `silent` the model wrote no hint.
        proposed: different hints that reflection wrote; `admitted` of them became active, `shadow`
            wait, and `untried` could not be tried, for want of calls or of answers.
        trouble: what the model failed at in the last of the silent reflections.
        worth: mean gain per held-out session after each active hint, those of before first; empty
            where it was not measured.
    """

    sessions: int
    errors: int
    absent: int = 0
    unranked: int = 0
    reflections: int
    spared: int = 0
    silent: int = 0
    trouble: str = ""
    proposed: int
    admitted: int
    shadow: int
    untried: int = 0
    active: int
    ending: Ending
    usage: Usage
    worth: tuple[float, ...] = ()
