"""By when a slate must be there: one time for all that is asked for it."""

import time
from dataclasses import replace

from re2llm.llm.ranking import RankTask


def due(task: RankTask, seconds: float | None) -> RankTask:
    """Return the task with the time by which it must be answered.

    That is so many seconds from now, or what the task says already, whichever comes first.
    """
    if seconds is None:
        return task
    until = time.monotonic() + seconds
    return replace(task, until=until if task.until is None else min(task.until, until))


def seconds_left(task: RankTask) -> float | None:
    """Return the seconds that remain, 0 where time is up, or None where nothing limits them."""
    return None if task.until is None else max(task.until - time.monotonic(), 0.0)


def share(task: RankTask, parts: int) -> RankTask:
    """Return the task with one of so many equal parts of the time that is left.

    What one question does not use, the next ones get; one that hangs leaves them their part.
    """
    left = seconds_left(task)
    return task if left is None else replace(task, until=time.monotonic() + left / parts)


def limit_of(own: float | None, reranker: object) -> float | None:
    """Return the seconds for a slate that is made of several askings of another reranker.

    Without a word of its own the whole gets what that one takes for a single slate.
    """
    if own is not None:
        return own
    found = getattr(reranker, "limit", None)
    return found if isinstance(found, float | int) else None
