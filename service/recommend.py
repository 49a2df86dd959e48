"""How the service makes a slate: step by step, for one tenant, noted before it is shown."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import cast

from langchain_core.runnables import RunnableConfig

from re2llm.graph.app import Re2LLM
from re2llm.graph.slate import Slate, read_slate
from re2llm.graph.state import RecommendInput, RecommendOutput
from re2llm.nodes.context import Context
from re2llm.service.slates import Slates

_WORDS = {
    "retrieve_candidates": "found candidates",
    "select_hint": "chose a hint",
    "rerank": "ranked them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a slate is wanted for; see `Re2LLM.recommend`."""

    session: tuple[str, ...] = ()
    session_id: str | None = None
    request: str | None = None
    k: int = 5
    filters: Mapping[str, object] | None = None
    candidates: tuple[str, ...] | None = None
    hint: str = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step was done."""

    step: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A slate, with what retrieval had to say for each of its items."""

    slate: Slate
    notes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommender:
    """Runs the recommendation graph; each slate is a thread that waits for its feedback."""

    app: Re2LLM
    slates: Slates

    async def make(self, tenant: str, asked: Asked) -> Served:
        """Make a slate; raises `UserError` where the request is malformed."""
        async for told in self.stream(tenant, asked):
            if isinstance(told, Served):
                return told
        raise RuntimeError("the graph ended without a slate")

    async def stream(self, tenant: str, asked: Asked) -> AsyncIterator[Progress | Served]:
        """Tell each step that is done, then the slate; raises like `make`."""
        slate_id = uuid.uuid4().hex
        given: RecommendInput = {
            "slate_id": slate_id,
            "session": list(asked.session),
            "request": asked.request,
            "given_candidates": None if asked.candidates is None else list(asked.candidates),
            "filters": None if asked.filters is None else dict(asked.filters),
            "k": asked.k,
        }
        thread: RunnableConfig = {
            "run_id": uuid.UUID(slate_id),
            "configurable": {"thread_id": slate_id},
        }
        output: RecommendOutput = {}
        async for mode, told in self.app.graph.astream(
            given,
            thread,
            context=Context(tenant=tenant, hint=asked.hint),
            durability="exit",
            stream_mode=["custom", "values"],
        ):
            if not isinstance(told, dict):
                continue
            if mode == "values" and "ranking" in told:
                output = cast(RecommendOutput, told)
            elif mode == "custom" and told.get("step") in _WORDS:
                step = str(told["step"])
                yield Progress(step=step, told=_WORDS[step])
        served = _served(output, self.app)
        slate = served.slate
        await asyncio.to_thread(
            self.slates.serve,
            tenant,
            slate.id,
            session_id=asked.session_id,
            shown=slate.item_ids,
            hint=slate.hint,
            hint_id=slate.hint_id,
        )
        yield served


def _served(output: RecommendOutput, app: Re2LLM) -> Served:
    slate = read_slate(output, app.parts.catalog)
    shown = set(slate.item_ids)
    notes = {
        scored["item_id"]: tuple(scored["notes"])
        for scored in output.get("candidates", [])
        if scored["item_id"] in shown
    }
    return Served(slate=slate, notes=notes)
