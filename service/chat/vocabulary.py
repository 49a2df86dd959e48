"""What the catalogue calls things now: the lexicon, read again where items have changed."""

import asyncio
from collections.abc import Callable
from itertools import zip_longest

from re2llm.catalog.items import Catalog, Item
from re2llm.service.chat.gathered import Gathered
from re2llm.service.chat.lexicon import Lexicon

_PATIENCE = 1.0
"""Seconds that a message waits for words that are being read; then those of before must do."""


class Vocabulary:
    """The lexicon of a catalogue that changes; use it from one event loop.

    Of a change only the items are read that it is about. A catalogue that another one took the
    place of is read as a whole, about a second per 50,000 items, and nobody waits that long.
    """

    def __init__(self, catalog: Catalog, changed: Callable[[], object] = lambda: None) -> None:
        """Read the catalogue. Blocking.

        Args:
            catalog: the items, as they are whenever it is asked.
            changed: returns something else, by identity, each time that items have changed.
        """
        self._catalog = catalog
        self._changed = changed
        self._gathered = Gathered()
        self._lexicon = self._gathered.lexicon()
        self._read: list[Item] = []
        self._stamp: object = None
        self._reading: asyncio.Task[None] | None = None
        self.refresh()

    @property
    def now(self) -> Lexicon:
        """What was read last."""
        return self._lexicon

    async def latest(self) -> Lexicon:
        """Return the lexicon with all changes until now, or soon the last one."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while self._changed() is not self._stamp:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(asyncio.to_thread(self.refresh))
            left = deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait({self._reading}, timeout=max(left, 0.0))
            if not done:
                break
            self._reading.result()
        return self._lexicon

    def refresh(self) -> None:
        """Read what has changed. Blocking; by one thread at a time."""
        stamp = self._changed()
        items = list(self._catalog.items)
        other = [
            (before, item) for before, item in zip_longest(self._read, items) if before is not item
        ]
        self._gathered.meet(item for _, item in other if item is not None)
        for before, item in other:
            if before is not None:
                self._gathered.remove(before)
            if item is not None:
                self._gathered.add(item)
        if other:
            self._lexicon = self._gathered.lexicon()
        self._read, self._stamp = items, stamp
