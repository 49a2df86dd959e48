"""Understanding by rules, as the graph's step wants it."""

from collections.abc import Sequence
from dataclasses import dataclass

from re2llm.catalog.items import Item
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.understanding import PlainUnderstanding
from re2llm.service.chat.understood import Understood
from re2llm.service.chat.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class ByRules:
    """Wraps the plain understanding; it is quick enough for the event loop."""

    vocabulary: Vocabulary

    async def understand(
        self, message: str, memory: Memory, cards: Sequence[Item], *, about: Item | None = None
    ) -> Understood:
        """Say what a message means."""
        rules = PlainUnderstanding(lexicon=self.vocabulary.now)
        return rules.understand(message, memory, cards, about=about)
