"""Admission with trials and judges whose answers were written beforehand."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.kb_store.admission import AdmissionRules, HintAdmission, Writer
from re2llm.kb_store.effect import TrialUnavailable
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.kb_store.names import Names
from re2llm.kb_store.redundancy import Redundancy, RedundancyRules
from re2llm.llm.ranking import RankTask
from re2llm.llm.reflection import Failure, HintDraft, Reflection

ITEMS = [Item(item_id=f"item-{n}", title=f"Plain thing number {n}") for n in range(9)]
RECENT = "Prefer items near the most recent purchase."
RECENT_TOO = "Prefer items near the most recent purchase always."
PRICE = "Demote candidates far above the usual price."
ALONE = AdmissionRules(rivals=0)
"""Measured against no other hint."""


@dataclass
class WrittenTrial:
    """Gains written beforehand by the hint's first word; counts the sessions it was asked for."""

    own: Mapping[str, float] = field(default_factory=dict)
    similar: Mapping[str, Sequence[float]] = field(default_factory=dict)
    calls: int = 0

    async def own_gain(self, failure: Failure, hint_text: str) -> float:
        await asyncio.sleep(0)
        self.calls += 1
        gain = self.own.get(hint_text, 0.2)
        if gain == -9:
            raise TrialUnavailable("the budget is spent")
        return gain

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> Sequence[float]:
        await asyncio.sleep(0)
        self.calls += n
        return self.similar.get(hint_text, [0.1, 0.2] * 30)[:n]


@dataclass
class WrittenJudge:
    answer: bool | None
    asked: int = 0

    async def same(self, a: str, b: str) -> bool | None:
        self.asked += 1
        return self.answer

    async def which(self, text: str, others: Sequence[str]) -> int | None:
        self.asked += 1
        return None if self.answer is None else int(self.answer)


def admission(
    store: MemoryHintStore,
    trial: WrittenTrial,
    *,
    judge: WrittenJudge | None = None,
    rules: AdmissionRules | None = None,
    near: RedundancyRules | None = None,
) -> HintAdmission:
    return HintAdmission(
        store,
        leak=LeakFilter(Names(ITEMS)),
        redundancy=Redundancy(store=store, judge=judge, rules=near or RedundancyRules()),
        trial=trial,
        writer=Writer(source="explore", model="m-1", prompt_version="p-2"),
        rules=rules,
        clock=lambda: 1000.0,
    )


def failed(session: int = 0) -> Failure:
    candidates = tuple(Candidate(item=item, score=0.0) for item in ITEMS[3:])
    task = RankTask(session=(ITEMS[session],), candidates=candidates)
    return Failure(task=task, order=(), target="item-5")


def drafts(*texts: str) -> Reflection:
    return Reflection(drafts=tuple(HintDraft(text=text) for text in texts))
