"""The compiled graph as what evaluation asks: one session in, one slate out, nothing learnt."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from langchain_core.runnables import RunnableConfig

from re2llm.catalog.sessions import Session
from re2llm.evals.results import SlateResult
from re2llm.graph.builder import RecommendApp
from re2llm.graph.slate import read_usage
from re2llm.graph.state import RecommendInput, RecommendOutput
from re2llm.nodes.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRunner:
    """Asks a graph compiled without a checkpointer; the session's target is not handed in.

    Attributes:
        k: how many places are shown.
        tenant: whose hints are used.
    """

    graph: RecommendApp
    k: int = 10
    tenant: str = "default"

    async def slate(self, session: Session, hint_id: str | None) -> SlateResult:
        """Rank the session's candidates, or retrieved ones where it has none."""
        return await self.ask(
            {
                "session": list(session.items),
                "given_candidates": None
                if session.candidates is None
                else list(session.candidates),
            },
            hint_id,
        )

    async def ask(
        self,
        question: RecommendInput,
        hint_id: str | None,
        metadata: Mapping[str, str] | None = None,
    ) -> SlateResult:
        """Run the graph on a question; `metadata` goes into its trace.

        Without any there is nobody to tell, and nothing of it is handed from step to step.
        """
        hint = "none" if hint_id is None else hint_id
        config: RunnableConfig = {"run_name": "re2llm"}
        if metadata is not None:
            config |= {"tags": [f"hint:{hint}"], "metadata": dict(metadata)}
        started = time.perf_counter()
        output = cast(
            RecommendOutput,
            await self.graph.ainvoke(
                {"k": self.k, **question},
                config,
                context=Context(tenant=self.tenant, hint=hint, reflect=False, wait=False),
            ),
        )
        seconds = time.perf_counter() - started
        ranking = output["ranking"]
        return SlateResult(
            items=tuple(ranking["items"]),
            model_items=tuple(ranking["model_items"]),
            hint_id=output["hint"]["hint_id"],
            degraded=ranking["degraded"],
            usage=read_usage(output),
            evidence={one["item_id"]: one["evidence"] for one in output["candidates"]},
            invented=ranking["repairs"].get("unknown", 0),
            repeated=ranking["repairs"].get("repeated", 0),
            seconds=seconds,
        )
