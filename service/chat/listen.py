"""The first step of a turn: read the message, and change the memory by it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from re2llm.catalog.items import Catalog, Item
from re2llm.service.chat import say
from re2llm.service.chat.change import changed
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.named import like_named
from re2llm.service.chat.shelf import Shelf
from re2llm.service.chat.state import ChatState, last_words, shown
from re2llm.service.chat.understood import Act, Understood
from re2llm.service.chat.vocabulary import Vocabulary


class Understanding(Protocol):
    """Reads a message; never raises for what the shopper or a model says."""

    async def understand(
        self, message: str, memory: Memory, cards: Sequence[Item], *, about: Item | None = None
    ) -> Understood:
        """Say what it means where these cards are shown; `about` was talked about last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understand:
    """Read the message and change the memory by it."""

    catalog: Catalog
    vocabulary: Vocabulary
    understanding: Understanding
    shelf: Shelf

    async def __call__(self, state: ChatState) -> ChatState:
        """Write what was understood and the memory after it."""
        memory = Memory.from_json(state.get("memory"))
        cards = shown(state, self.catalog)
        lexicon = await self.vocabulary.latest()
        about = self.catalog.get(memory.focus) if memory.focus else None
        text = last_words(state)
        named = await asyncio.to_thread(like_named, text, self.shelf.titled)
        understood = await self.understanding.understand(
            named.rest if named else text, memory, cards, about=about
        )
        if named:
            understood = _as_wish(understood)
        lead: list[str] = []
        notices = [] if understood.fault is None else [say.fault_text(understood.fault)]
        if understood.act is Act.RESET:
            memory = Memory(asked=memory.asked)
        elif understood.act is Act.WISH:
            if understood.correction and state.get("slate_id"):
                memory = replace(memory, missed=state.get("slate_id"))
                lead.append("Understood.")
            told = changed(memory, understood, cards, lexicon, named=named.item if named else None)
            memory = told.memory
            notices.extend(told.notices)
            if understood.taken:
                lead.append(say.taken_for_text(understood.taken))
            if understood.unknown:
                notices.append(say.unknown_text(understood.unknown))
        elif understood.act is Act.REJECT:
            refused = tuple(dict.fromkeys((*memory.refused, *(card.item_id for card in cards))))
            memory = replace(memory, refused=refused[-500:], focus=None)
            if cards:
                memory = replace(memory, missed=state.get("slate_id"))
            lead.append("Understood, none of those." if cards else say.NOTHING_SHOWN)
            if understood.unknown:
                notices.append(say.unknown_text(understood.unknown))
        elif understood.act is Act.MORE:
            memory = replace(memory, focus=None)
        return {
            "memory": memory.to_json(),
            "understood": understood.model_dump(mode="json"),
            "notices": notices,
            "lead": lead,
            "answer": "",
            "fresh": False,
        }


def _as_wish(understood: Understood) -> Understood:
    """Take what is said beside an item's title for a wish, unless it is nothing for a shop."""
    if understood.act in (Act.WISH, Act.HOSTILE, Act.OFF_TOPIC):
        return understood
    return Understood(act=Act.WISH, by=understood.by, fault=understood.fault)
