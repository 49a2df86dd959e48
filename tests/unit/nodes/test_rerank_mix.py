"""One call per slate, or several whose orders are mixed."""

from typing import Any

import numpy as np
from langgraph.runtime import Runtime

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Catalog, Item
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.mix import Mix
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.usage import Usage
from re2llm.nodes.context import Context
from re2llm.nodes.rerank import Rerank
from re2llm.nodes.select_hint import SelectHint
from re2llm.nodes.state import State
from re2llm.policy.choice import Choice

ITEMS = tuple(Item(item_id=f"i{n}", title=f"Item {n}") for n in range(6))
CATALOG = Catalog(ITEMS)
HINTS = tuple(Hint(hint_id=f"h{n}", text=f"advice {n}", status=Status.ACTIVE) for n in range(3))
HEAVY = SlateFusion(weight=100.0)


class Asked:
    """Puts the item that the hint's number names first; keeps what it was asked."""

    def __init__(self) -> None:
        self.tasks: list[RankTask] = []

    async def rerank(self, task: RankTask) -> RankAnswer:
        self.tasks.append(task)
        first = 5 if task.hint is None else int(task.hint[-1])
        order = [f"i{first}", *(i.item_id for i in ITEMS if i.item_id != f"i{first}")]
        return RankAnswer(order=tuple(order), listed=6, usage=Usage(calls=1))


class Chooses:
    version = "test"

    def __init__(self, also: tuple[str | None, ...]) -> None:
        self.also = also

    def choose(self, state: np.ndarray, eligible: Eligible) -> Choice:
        return Choice(hint_id="h1", propensity=0.9, gain=0.1, version="test", also=self.also)


class Store:
    def eligible(self, **_: Any) -> Eligible:
        return Eligible(hints=HINTS, vectors=np.eye(3, dtype=np.float32))


class Encoder:
    identity, dim = "test", 3

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[: len(texts)]


def runtime() -> Runtime[Context]:
    return Runtime(context=Context(), stream_writer=lambda _: None)


async def run(also: tuple[str | None, ...], **given: Any) -> tuple[State, State, Asked]:
    scored = [Candidate(item=item, score=-float(n)) for n, item in enumerate(ITEMS)]
    state: State = {
        "session": ["i0"],
        "k": 3,
        "candidates": [
            {"item_id": c.item.item_id, "score": c.score, "evidence": {}, "notes": []}
            for c in scored
        ],
    }
    select = SelectHint(
        catalog=CATALOG,
        store=Store(),  # type: ignore[arg-type]
        policy=Chooses(also),
        encoder=Encoder(),  # type: ignore[arg-type]
    )
    chosen = await select(state, runtime())
    asked = Asked()
    rerank = Rerank(catalog=CATALOG, reranker=asked, fusion=HEAVY, **given)
    ranked = await rerank({**state, **chosen}, runtime())
    return chosen, ranked, asked


async def test_one_call_is_as_it_always_was() -> None:
    chosen, ranked, asked = await run(())
    assert "also" not in chosen["hint"]
    assert [task.hint for task in asked.tasks] == ["advice 1"]
    assert ranked["ranking"]["items"][0] == "i1"
    assert ranked["usage"]["rerank"]["calls"] == 1


async def test_several_askings_are_mixed_and_all_are_billed() -> None:
    chosen, ranked, asked = await run(("h2", None))
    assert chosen["hint"]["also"] == [
        {"hint_id": "h2", "text": "advice 2"},
        {"hint_id": None, "text": None},
    ]
    assert [task.hint for task in asked.tasks] == ["advice 1", "advice 2", None]
    assert set(ranked["ranking"]["items"][:4]) == {"i0", "i1", "i2", "i5"}
    assert ranked["usage"]["rerank"]["calls"] == 3


async def test_the_learnt_weights_of_the_mix_are_used() -> None:
    _, ranked, _ = await run(("h2", None), mix=Mix(further=0.0))
    assert ranked["ranking"]["items"][0] == "i1"
    _, ranked, _ = await run(("h2",), mix=Mix(fusion=SlateFusion(weight=0.0)))
    assert ranked["ranking"]["items"] == [item.item_id for item in ITEMS]


async def test_reasons_are_asked_for_once() -> None:
    _, _, asked = await run(("h2", None), reasons=True)
    assert [task.reasons for task in asked.tasks] == [True, False, False]
