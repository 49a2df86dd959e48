"""What a model is shown of a session and its candidates, and in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import AttributeValue, Item
from re2llm.llm.labels import labels
from re2llm.llm.prompts import prompt
from re2llm.llm.ranking import RankTask
from re2llm.llm.sanitise import sanitise

_FIRST = ("brand", "category", "platform", "genres", "year", "price")
_SILENT = frozenset({"description", "available", "id", "url", "image"})
_SILENT_ENDS = ("_id", "_url")
"""Numbers and addresses say nothing to a model, and cost more tokens than a title."""
_TITLE, _VALUE, _NOTE, _REQUEST, _HINT = 160, 80, 60, 1000, 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How much of a task is shown; less of it where the context is short.

    Attributes:
        session: so many of the latest items.
        attributes: whether items carry more than their titles.
        notes: whether candidates carry retrieval's notes.
        title: length of a title in characters.
    """

    session: int = 30
    attributes: bool = True
    notes: bool = True
    title: int = _TITLE


SHORTER: tuple[Detail, ...] = (
    Detail(),
    Detail(session=8),
    Detail(session=5, attributes=False),
    Detail(session=3, attributes=False, notes=False, title=60),
)
"""From all to least: the session goes first, then the attributes, then the notes."""


def item_line(item: Item, detail: Detail, notes: Sequence[str] = ()) -> str:
    """Return an item on one line: title, attributes, notes, parted by ` | `."""
    facts = _facts_in(detail)(item)
    return facts + _told(tuple(notes)) if detail.notes and notes else facts


def session_lines(session: Sequence[Item], detail: Detail) -> str:
    """Return the latest items, oldest first, numbered from 1."""
    shown = session[-detail.session :]
    return "\n".join(f"{n}. {item_line(item, detail)}" for n, item in enumerate(shown, 1))


def candidate_lines(candidates: Sequence[Candidate], names: Sequence[str], detail: Detail) -> str:
    """Return the candidates in the order given, each after its label."""
    facts, notes = _facts_in(detail), detail.notes
    lines = [
        f"[{name}] {facts(one.item)}{_told(tuple(one.notes)) if notes and one.notes else ''}"
        for name, one in zip(names, candidates, strict=True)
    ]
    return "\n".join(lines)


def extra_lines(request: str | None, hint: str | None) -> str:
    """Return the shopper's words and the hint, each in its tags, or nothing."""
    given = (("request", request, _REQUEST), ("hint", hint, _HINT))
    lines = [
        f"<{tag}>{text}</{tag}>\n"
        for tag, raw, cap in given
        if raw and (text := sanitise(raw, cap))
    ]
    return "".join(lines)


def rank_instruction(task: RankTask, places: int | None) -> str:
    """Return the line that asks for the answer: all candidates, or the best `places`."""
    count = len(task.candidates)
    if places is None or places >= count:
        lines = [prompt("rank_all").fill(count=count)]
    else:
        lines = [prompt("rank_best").fill(places=places)]
    if task.reasons:
        lines.append(prompt("rank_reasons").fill(places=min(task.k, count)))
    return "\n".join(lines)


def rank_messages(
    task: RankTask,
    *,
    detail: Detail = SHORTER[0],
    places: int | None = None,
    text: bool = False,
) -> list[BaseMessage]:
    """Return the question: what never changes first, what changes most last.

    Args:
        task: what is asked; the candidates carry `labels(len(task.candidates))` in order.
        detail: how much is shown.
        places: how many labels are wanted; None means all.
        text: whether to add how to answer without JSON.
    """
    instruction = rank_instruction(task, places)
    if text:
        instruction += "\n" + prompt("rank_text").text
    user = prompt("rank_request").fill(
        session=session_lines(task.session, detail),
        candidates=candidate_lines(task.candidates, labels(len(task.candidates)), detail),
        extras=extra_lines(task.request, task.hint),
        instruction=instruction,
    )
    return [SystemMessage(prompt("rank").text), HumanMessage(user)]


@lru_cache(maxsize=1 << 12)
def _told(notes: tuple[str, ...]) -> str:
    return " | notes: " + "; ".join(sanitise(note, _NOTE) for note in notes)


@lru_cache(maxsize=64)
def _facts_in(detail: Detail) -> Callable[[Item], str]:
    """Return what tells an item's facts in this much detail, and keeps them."""
    return lru_cache(maxsize=1 << 14)(partial(_facts, detail=detail))


def _facts(item: Item, detail: Detail) -> str:
    parts = [sanitise(item.title, detail.title) or "untitled"]
    if detail.attributes:
        others = sorted(name for name in item.attributes if name not in _FIRST)
        for name in (*_FIRST, *others):
            value = item.attributes.get(name)
            if value is None or value == "" or name in _SILENT or name.endswith(_SILENT_ENDS):
                continue
            parts.append(f"{sanitise(name, 30)}: {_words(value, name)}")
    return " | ".join(parts)


def _words(value: AttributeValue, name: str) -> str:
    if isinstance(value, tuple):
        parts = [sanitise(part, _VALUE // 2) for part in value[:6]]
        return (" > " if name == "category" else ", ").join(parts)
    return sanitise(f"{value:.10g}" if isinstance(value, float) else str(value), _VALUE)
