"""How blocking work leaves the event loop: all that is asked in one turn of it in one thread."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class Hop(Protocol):
    """Calls a blocking function off the event loop, as `asyncio.to_thread` does."""

    async def __call__(self, func: Callable[..., T], /, *args: Any) -> T:
        """Return what the function returns, or raise what it raises."""


class OneHop:
    """A `Hop` that shares the way into a thread among all who ask in the same turn of the loop.

    Waking a thread and being woken by it costs more than a short piece of work: where many small
    ones are wanted at a time, as in an evaluation, this is most of what they cost. The pieces of a
    turn are done one after the other, so nothing long belongs here; those of the next turn do not
    wait for them.
    """

    def __init__(self) -> None:
        """Wait for work, in any number of event loops."""
        self._asked: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pieces] = WeakKeyDictionary()
        self._hops: set[asyncio.Task[None]] = set()

    async def __call__(self, func: Callable[..., T], /, *args: Any) -> T:
        """Call the function with what else is asked now."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        asked = self._asked.setdefault(loop, [])
        asked.append((partial(func, *args), done))
        if len(asked) == 1:
            hop = loop.create_task(self._hop(loop))
            self._hops.add(hop)
            hop.add_done_callback(self._hops.discard)
        return await done

    async def _hop(self, loop: asyncio.AbstractEventLoop) -> None:
        pieces = self._asked.pop(loop)
        try:
            made = await asyncio.to_thread(_do, [piece for piece, _ in pieces])
        except asyncio.CancelledError:
            for _, done in pieces:
                done.cancel()
            raise
        for (_, done), (value, error) in zip(pieces, made, strict=True):
            if done.done():
                continue
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)


_Pieces = list[tuple[Callable[[], Any], asyncio.Future[Any]]]


def _do(pieces: list[Callable[[], Any]]) -> list[tuple[Any, Exception | None]]:
    """Do each; one that fails does not keep the others from being done."""
    made: list[tuple[Any, Exception | None]] = []
    for piece in pieces:
        try:
            made.append((piece(), None))
        except Exception as error:  # noqa: BLE001 - it is raised where the piece was asked for
            made.append((None, error))
    return made
