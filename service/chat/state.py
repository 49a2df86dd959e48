"""What a conversation's graph carries: plain JSON, kept by any checkpointer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph.message import add_messages

from re2llm.catalog.items import Catalog, Item


class ChatInput(TypedDict):
    """What a turn brings: the shopper's message, as any LangGraph chat client sends it."""

    messages: Annotated[list[AnyMessage], add_messages]


class ChatState(TypedDict, total=False):
    """All that the steps read and write."""

    messages: Annotated[list[AnyMessage], add_messages]
    memory: dict[str, object]
    """As `Memory.to_json` writes it."""
    cards: list[str]
    """Ids of the items that are shown, in order."""
    notes: dict[str, list[str]]
    """Why each shown item is there, by id."""
    slate_id: str | None
    """The slate that the cards are of."""
    understood: dict[str, object]
    """This turn's message, as `Understood` says it."""
    notices: list[str]
    """This turn's: what could not be honoured, or was fallen back to."""
    lead: list[str]
    """This turn's: sentences to begin the answer with."""
    answer: str
    """This turn's text where it is no slate."""
    fresh: bool
    """Whether this turn made the slate."""
    hint: str | None
    hint_id: str | None


class ChatOutput(TypedDict, total=False):
    """What a client gets."""

    messages: Annotated[list[AnyMessage], add_messages]
    memory: dict[str, object]
    cards: list[str]
    notes: dict[str, list[str]]
    slate_id: str | None
    understood: dict[str, object]
    notices: list[str]
    fresh: bool
    hint: str | None
    hint_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatContext:
    """Whose turn it is, and what is known beside the conversation."""

    tenant: str = ""
    """Whose hints are used; without a word those of the tenant that the workspace is opened for."""
    session_id: str | None = None
    session: tuple[str, ...] = ()
    """Item ids that the shopper showed interest in, oldest first."""
    exclude: tuple[str, ...] = ()
    """Item ids that must not be shown."""
    k: int = 5
    source: str = "chat"
    """Whose word feedback is, as `Whose` says it."""
    turn: str = ""


def shown(state: ChatState, catalog: Catalog) -> list[Item]:
    """Return the cards that are shown."""
    found = (catalog.get(item_id) for item_id in state.get("cards", []))
    return [item for item in found if item is not None]


def last_words(state: ChatState) -> str:
    """Return the shopper's latest message as text."""
    messages: Sequence[AnyMessage] = state.get("messages", [])
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return str(message.text)
    return ""
