"""Third step: the language model's order, joined with the retrieval evidence."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from langgraph.runtime import Runtime

from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.llm.deadline import due
from re2llm.llm.mix import Mix
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.nodes.context import Context, served_tenant
from re2llm.nodes.protocols import Fusion, Reranker
from re2llm.nodes.reading import rank_task, usage_entry
from re2llm.nodes.state import State


async def _nobody_else(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerank:
    """Ask the reranker, fuse, and check the hard filters once more.

    Attributes:
        fusion: of the tenant that this process is for, like `mix`.
        mix: makes one order of several, where the policy wants the model asked more than once.
        others: finds both for other tenants; None for the one that `fusion` and `mix` are of.
        reasons: whether a reason per shown item is asked for (costs output tokens).
        deadline: seconds for one slate, however often the model is asked for it; None leaves it to
            the reranker.
    """

    catalog: Catalog
    reranker: Reranker
    fusion: Fusion
    mix: Mix = field(default_factory=Mix)
    reasons: bool = False
    deadline: float | None = None
    others: Callable[[str], Awaitable[tuple[Fusion, Mix] | None]] = _nobody_else

    async def __call__(self, state: State, runtime: Runtime[Context]) -> State:
        """Write the slate; where the model gave nothing usable it is the retrieval order."""
        task = due(rank_task(state, self.catalog, reasons=self.reasons), self.deadline)
        if not task.candidates:
            return {
                "ranking": {
                    "items": [],
                    "model_items": [],
                    "reasons": {},
                    "repairs": {},
                    "degraded": None,
                }
            }
        found = await self.others(served_tenant(state, runtime))
        weights = found or (self.fusion, self.mix)
        answer, fusion = await self._asked(state, task, *weights)
        filters = Filters.parse(state.get("filters"))
        fused = fusion.fuse(task.candidates, answer, hinted=task.hint is not None)
        items = [item_id for item_id, _ in fused if filters.allows(self.catalog[item_id])]
        notices = [f"rerank: {answer.degraded}"] if answer.degraded else []
        runtime.stream_writer({"step": "rerank", "items": items[: task.k], "notices": notices})
        return {
            "ranking": {
                "items": items,
                "model_items": list(answer.order),
                "reasons": dict(answer.reasons),
                "repairs": {
                    "unknown": answer.repairs.unknown,
                    "repeated": answer.repairs.repeated,
                    "missing": answer.repairs.missing,
                },
                "degraded": answer.degraded,
            },
            "usage": {"rerank": usage_entry(answer.usage)},
            "notices": {"rerank": notices},
        }

    async def _asked(
        self, state: State, task: RankTask, fusion: Fusion, mix: Mix
    ) -> tuple[RankAnswer, Fusion]:
        """Return the model's order, or the mix of several, with the fusion that fits it.

        Where further orders were found to count nothing, they are not paid for.
        """
        choice = state.get("hint")
        also = choice.get("also", []) if choice else []
        if not also or mix.further == 0:
            return await self.reranker.rerank(task), fusion
        others = (replace(task, hint=one["text"], reasons=False) for one in also)
        asked = (self.reranker.rerank(one) for one in (task, *others))
        answers = await asyncio.gather(*asked)
        return mix.join(task, answers), mix.fusion or fusion
