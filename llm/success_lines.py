"""How a ranking that was right is shown beside one that missed."""

from re2llm.llm.prompts import prompt
from re2llm.llm.rank_prompt import Detail, extra_lines, item_line, session_lines
from re2llm.llm.reflection import Success

_OTHERS = 5
"""So many candidates that stood next to the chosen one are shown with it."""


def success_lines(success: Success | None, detail: Detail) -> str:
    """Return the part of a reflection's prompt that tells of a success; empty without one.

    Its candidates carry labels of their own kind, which no candidate of the miss has.
    """
    if success is None:
        return ""
    candidates = {one.item.item_id: one for one in success.task.candidates}
    place = success.order.index(success.target)
    others = [item_id for item_id in success.order if item_id != success.target]
    start = max(0, min(place - 1, len(others) - _OTHERS))
    shown = [success.target, *others[start : start + _OTHERS]]
    lines = "\n".join(
        f"[S{number}] {item_line(candidates[item_id].item, detail, candidates[item_id].notes)}"
        for number, item_id in enumerate(shown, start=1)
    )
    said = prompt("reflect_success").fill(
        session=session_lines(success.task.session, detail),
        lines=lines,
        extras=extra_lines(success.task.request, success.task.hint),
        place=place + 1,
    )
    return said + "\n"
