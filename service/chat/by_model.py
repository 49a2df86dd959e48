"""Understanding by a language model, checked by the rules, which take over where it fails."""

from collections.abc import Sequence

from re2llm.catalog.items import Item
from re2llm.llm.answer import Options
from re2llm.llm.client import ModelClient
from re2llm.llm.errors import BudgetExhausted, ModelError, ModelRefused, ModelUnavailable
from re2llm.service.chat.checked import Checks
from re2llm.service.chat.closed import as_plain, closed
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.reading import SCHEMA, kinds_of, question, read_reading
from re2llm.service.chat.understanding import PlainUnderstanding
from re2llm.service.chat.understood import Understood
from re2llm.service.chat.vocabulary import Vocabulary

_LONGEST = 400
"""Tokens of an answer."""
_MISREAD = "the model's reading does not fit what it says"


class ByModel:
    """Asks the model what a message means; what is plain without it is not asked."""

    def __init__(
        self, vocabulary: Vocabulary, client: ModelClient, *, deadline: float = 10.0
    ) -> None:
        """Join the rules with a client.

        Args:
            vocabulary: of the rules, which read every message too; their limits, refusals and
                references hold.
            client: paces, pays, caches and gives up, as for every other question.
            deadline: seconds until the rules take over.
        """
        self._vocabulary = vocabulary
        self._client = client
        self._deadline = deadline

    async def understand(
        self, message: str, memory: Memory, cards: Sequence[Item], *, about: Item | None = None
    ) -> Understood:
        """Say what a message means; `fault` says why the rules alone read it."""
        text = as_plain(message)
        lexicon = self._vocabulary.now
        rules = PlainUnderstanding(lexicon=lexicon)
        ruled = rules.understand(message, memory, cards, about=about)
        if closed(text) is not None:
            return ruled
        asked = question(text, memory, cards, kinds_of(lexicon), sorted(lexicon.numeric))
        try:
            answer = await self._client.ask(
                asked,
                SCHEMA,
                options=Options(max_tokens=_LONGEST),
                accept=lambda answer: read_reading(answer.text) is not None,
                deadline=self._deadline,
            )
        except ModelError as error:
            return ruled.model_copy(update={"fault": _words(error)})
        reading = read_reading(answer.text)
        checks = Checks(lexicon=lexicon, text=text, ruled=ruled, memory=memory, cards=cards)
        found = None if reading is None else checks.understood(reading)
        return found or ruled.model_copy(update={"fault": _MISREAD})


def _words(error: ModelError) -> str:
    """Say what failed in words that are fit for a shopper."""
    match error:
        case BudgetExhausted():
            return "the model's budget is used up"
        case ModelUnavailable():
            return "the model did not answer in time"
        case ModelRefused():
            return "the model's server refused to answer"
    return "the model's answer could not be read"
