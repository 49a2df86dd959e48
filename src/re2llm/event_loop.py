"""Which event loop long work runs in: the quick one where there is one."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_quickly(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in an event loop of its own, like `asyncio.run`.

    A graph hands many small tasks from step to step; uvloop takes a fifth off each session of an
    evaluation. It does not exist everywhere, and nothing but time depends on it.
    """
    with asyncio.Runner(loop_factory=_quick()) as runner:
        return runner.run(work)


def _quick() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop
