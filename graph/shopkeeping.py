"""How a shop tells of new items, of those it no longer sells, and of finished sessions."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from re2llm.catalog.changes import Change
from re2llm.catalog.items import Item
from re2llm.catalog.sessions import Session
from re2llm.errors import UserError
from re2llm.graph.deliveries import read_items, read_visits
from re2llm.graph.parts import Parts


class Shopkeeping:
    """What an opened application does with its stock.

    Attributes:
        parts: the opened rooms.
    """

    parts: Parts

    async def upsert_items(self, items: Sequence[Item | Mapping[str, object]]) -> list[str]:
        """Put items in, new ones and others as they are from now on; all or none.

        Args:
            items: `Item`s, or mappings with `item_id`, `title` and attributes beside them, cleaned
                as an ingest does. What a mapping lacks the item lacks from now on.

        Returns:
            Their ids. They are on disk, and can be recommended.

        Raises:
            UserError: an item is malformed; none has changed.
        """
        change = Change(items=tuple(read_items(items)))
        await asyncio.to_thread(self.parts.stock.change, change)
        return [item.item_id for item in change.items]

    async def remove_items(self, item_ids: Sequence[str]) -> list[str]:
        """Take items out of sale for good; return those that were there. Again changes nothing."""
        return await asyncio.to_thread(self.parts.stock.remove, listed(item_ids))

    async def add_sessions(self, sessions: Sequence[Session | Mapping[str, object]]) -> int:
        """Learn from finished sessions: what is taken together, next, and by many.

        Args:
            sessions: `Session`s, their targets included, or mappings with `items`, oldest first,
                and perhaps `session_id` and `timestamp`. A session told again, by its id, counts
                as told last. Items that the catalogue lacks do not count.

        Returns:
            How many there were. They are on disk, and counted.

        Raises:
            UserError: a session is malformed; none was kept.
        """
        change = Change(sessions=tuple(read_visits(sessions, time.time())))
        await asyncio.to_thread(self.parts.stock.change, change)
        return len(change.sessions)


def listed(given: Sequence[str]) -> list[str]:
    """Return a list of ids.

    Raises:
        UserError: it is one text, or no sequence at all.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise UserError(f"a list of item ids is wanted, not {str(given)[:40]!r}")
    return list(given)
