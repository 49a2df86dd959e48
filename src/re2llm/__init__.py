"""A session recommender that learns how to ask.

The names below are loaded when they are first used, so that `import re2llm` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re2llm.errors import UserError
    from re2llm.graph.app import Re2LLM
    from re2llm.graph.builder import build_graph
    from re2llm.graph.served import make_graph
    from re2llm.graph.slate import Outcome, Slate, SlateItem
    from re2llm.graph.sync import SyncRe2LLM
    from re2llm.graph.tool import recommend_tool
    from re2llm.service.embedding import chat_graph, make_chat
    from re2llm.settings import Settings, read_settings

__all__ = [
    "Outcome",
    "Re2LLM",
    "Settings",
    "Slate",
    "SlateItem",
    "SyncRe2LLM",
    "UserError",
    "build_graph",
    "chat_graph",
    "make_chat",
    "make_graph",
    "read_settings",
    "recommend_tool",
]

_HOMES = {
    "Outcome": "graph.slate",
    "Re2LLM": "graph.app",
    "Settings": "settings",
    "Slate": "graph.slate",
    "SlateItem": "graph.slate",
    "SyncRe2LLM": "graph.sync",
    "UserError": "errors",
    "build_graph": "graph.builder",
    "chat_graph": "service.embedding",
    "make_chat": "service.embedding",
    "make_graph": "graph.served",
    "read_settings": "settings",
    "recommend_tool": "graph.tool",
}


def __getattr__(name: str) -> object:
    """Load a public name."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
