"""A model that hints steer as they say, and one that writes them, to try exploration with."""

from dataclasses import dataclass, field, replace

from learning_app import EveryHintHelps

from re2llm.graph.exploration import Explored, Plan
from re2llm.graph.explore import explore
from re2llm.graph.folds import make_folds
from re2llm.graph.parts import Parts
from re2llm.kb_store.admission import AdmissionRules
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reflection import Failure, HintDraft, Reflection

SAYINGS = (
    "Prefer candidates of the same brand.",
    "Weigh the latest item most.",
    "Look for sequels of what was chosen.",
    "Favour bargains.",
    "Trust what is often bought next.",
    "Demote what everybody owns.",
    "Keep to one shelf.",
    "Match the colour of the first thing.",
    "Reward shared genres.",
    "Expect refills soon.",
)
TOLD = [saying.casefold() for saying in SAYINGS]


@dataclass
class Saying:
    """Proposes the sayings one after the other, one a time."""

    failures: list[Failure] = field(default_factory=list)

    async def reflect(self, failure: Failure) -> Reflection:
        said = SAYINGS[len(self.failures) % len(SAYINGS)]
        self.failures.append(failure)
        return Reflection(drafts=(HintDraft(text=said),))


@dataclass
class Steered:
    """A model that finds the item with a hint, where that hint is for this kind of session."""

    targets: dict[tuple[str, ...], str]
    kinds: int

    async def rerank(self, task: RankTask) -> RankAnswer:
        order = [one.item.item_id for one in task.candidates]
        target = self.targets.get(ids(task))
        if task.hint is not None and target in order:
            kind = sum(map(ord, "".join(ids(task)))) % self.kinds
            if TOLD.index(task.hint.casefold()) % self.kinds == kind:
                order.remove(target)
                order.insert(0, target)
        return RankAnswer(order=tuple(order), listed=len(order))


def ids(task: RankTask) -> tuple[str, ...]:
    return tuple(item.item_id for item in task.session)


async def explored(parts: Parts, plan: Plan, *, kinds: int = 1) -> tuple[Explored, Saying]:
    """Explore with a written reflector and a steered model; admission's trial always passes."""
    folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=120, seed=0)
    cases = [case for fold in folds for case in fold.cases] + parts.valid_cases()
    targets = {ids(case.task): case.target for case in cases}
    vars(parts)["reranker"] = Steered(targets, kinds)
    reflector = Saying()
    vars(parts)["trial"] = lambda _: EveryHintHelps()
    vars(parts)["rules"] = lambda sources: AdmissionRules(sources=sources, rivals=0)
    vars(parts)["steps"] = replace(
        parts.steps, reflect=replace(parts.steps.reflect, reflector=reflector)
    )
    return await explore(parts, folds, plan, lambda *_: None), reflector
