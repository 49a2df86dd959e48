"""The real graph over a small shop, with parts of one's choice in place of the opened ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from langgraph.checkpoint.memory import InMemorySaver

from re2llm.graph.app import Re2LLM
from re2llm.graph.builder import Steps, build_graph
from re2llm.graph.slate import Slate
from re2llm.kb_store.admission import AdmissionRules, HintAdmission, Writer
from re2llm.kb_store.redundancy import Redundancy
from re2llm.llm.reflection import Failure, HintDraft, Reflection

HELPFUL = "Prefer candidates of the category that most of the session is about."


@dataclass
class WrittenReflector:
    """Proposes what was written beforehand; counts how often it was asked."""

    texts: Sequence[str] = (HELPFUL,)
    asked: list[Failure] = field(default_factory=list)

    async def reflect(self, failure: Failure) -> Reflection:
        self.asked.append(failure)
        return Reflection(drafts=tuple(HintDraft(text=text) for text in self.texts))


class EveryHintHelps:
    """A trial that any hint passes."""

    async def own_gain(self, failure: Failure, hint_text: str) -> float:
        return 0.3

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> Sequence[float]:
        return ([0.1, 0.2] * n)[:n]


def trusting(app: Re2LLM, *, sources: int = 2) -> HintAdmission:
    """Admission with all its checks, in which only the trial always passes."""
    return HintAdmission(
        app.parts.store,
        leak=app.parts.leak,
        redundancy=Redundancy(store=app.parts.store),
        trial=EveryHintHelps(),
        writer=Writer(source="feedback"),
        rules=AdmissionRules(sources=sources, rivals=0),
    )


def with_steps(app: Re2LLM, steps: Steps) -> Re2LLM:
    """The same application with other steps; slates wait in memory."""
    app.graph = build_graph(steps).compile(checkpointer=InMemorySaver())
    return app


async def missed(app: Re2LLM, number: int = 0, *, hint: str = "none") -> tuple[Slate, str]:
    """Return the slate of a test session, and a candidate that it ranked but did not show."""
    session = app.parts.dataset.test[number]
    slate = await app.recommend(session.items, candidates=session.candidates, hint=hint)
    hidden = [i for i in session.candidates or () if i not in slate.item_ids]
    return slate, hidden[-1]
