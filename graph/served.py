"""The graph for a server of graphs, which brings its own checkpointer and its own threads."""

import asyncio
import threading
from functools import lru_cache

from re2llm.graph.builder import RecommendApp, build_graph
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.settings import read_settings

_OPENING = threading.Lock()


@lru_cache(maxsize=1)
def _environment_parts() -> Parts:
    parts = open_parts(read_settings(), None)
    parts.stock.watch()
    return parts


def make_parts() -> Parts:
    """Open the workspace that the environment names, once for all graphs of a process."""
    with _OPENING:
        return _environment_parts()


@lru_cache(maxsize=1)
def make_graph() -> RecommendApp:
    """Make the graph without a checkpointer: a server of graphs brings its own."""
    return build_graph(make_parts().steps).compile(name="re2llm")


async def served_graph() -> RecommendApp:
    """Make the graph for a LangGraph server, beside its event loop."""
    return await asyncio.to_thread(make_graph)
