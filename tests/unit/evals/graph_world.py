"""The real graph over a small catalogue, with a reranker that needs no model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.items import Catalog, Item
from re2llm.evals.graph_runner import GraphRunner
from re2llm.graph.builder import Steps, build_graph
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.kb_store.store import Eligible
from re2llm.llm.ranking import RankAnswer, RankTask, Repairs
from re2llm.llm.usage import Usage
from re2llm.nodes.reflect import Reflect
from re2llm.nodes.rerank import Rerank
from re2llm.nodes.retrieve import RetrieveCandidates
from re2llm.nodes.select_hint import SelectHint
from re2llm.policy.choice import Choice

CATALOG = Catalog(
    Item(item_id=f"i{n}", title=f"Thing {n}", attributes={"brand": f"b{n % 2}", "price": n})
    for n in range(12)
)
ADVICE = "Turn the list around."
ADVICE_ID = hint_id(ADVICE)


@dataclass(frozen=True)
class EvenRetriever:
    """Finds whatever the filters allow, in catalogue order."""

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        return self.score(query, [item.item_id for item in CATALOG][:n])

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        return [
            Candidate(item=CATALOG[i], score=-float(n), evidence={"popularity": -float(n)})
            for n, i in enumerate(item_ids)
            if query.filters.allows(CATALOG[i])
        ]


@dataclass(frozen=True)
class TurningReranker:
    """Keeps the order; turns it around when the hint says so."""

    degraded: str | None = None

    async def rerank(self, task: RankTask) -> RankAnswer:
        order = tuple(candidate.item.item_id for candidate in task.candidates)
        if task.hint == ADVICE:
            order = order[::-1]
        return RankAnswer(
            order=order,
            listed=len(order),
            repairs=Repairs(unknown=2),
            degraded=self.degraded,
            usage=Usage(calls=1, input_tokens=50, output_tokens=5, cost=0.001),
        )


class ModelsWord:
    def fuse(
        self, candidates: Sequence[Candidate], answer: RankAnswer, *, hinted: bool = False
    ) -> list[tuple[str, float]]:
        return [(item_id, -float(n)) for n, item_id in enumerate(answer.order)]


class AlwaysAdvice:
    version = "always"

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:
        return Choice(hint_id=ADVICE_ID, propensity=1.0, gain=None, version=self.version)


class Letters:
    identity = "letters"
    dim = 26

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.array([[t.lower().count(chr(97 + n)) for n in range(26)] for t in texts], float)
        length = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)
        return (rows / length).astype(np.float32)


class Never:
    async def reflect(self, failure: object) -> object:
        raise AssertionError("evaluation must not reflect")

    async def admit(self, *_: object, **__: object) -> object:
        raise AssertionError("evaluation must not learn")


def steps(reranker: TurningReranker) -> Steps:
    store = MemoryHintStore(Letters())
    store.put(
        Hint(hint_id=ADVICE_ID, text=ADVICE, status=Status.ACTIVE), by="test", why="to be used"
    )
    return Steps(
        retrieve=RetrieveCandidates(catalog=CATALOG, retriever=EvenRetriever()),
        select=SelectHint(catalog=CATALOG, store=store, policy=AlwaysAdvice(), encoder=Letters()),
        rerank=Rerank(catalog=CATALOG, reranker=reranker, fusion=ModelsWord()),
        reflect=Reflect(catalog=CATALOG, reflector=Never(), admission=Never()),  # type: ignore[arg-type]
    )


def graph_runner(degraded: str | None = None) -> GraphRunner:
    graph = build_graph(steps(TurningReranker(degraded=degraded))).compile()
    return GraphRunner(graph=graph)
