"""How hints are tried before they are believed: on which sessions, by which measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from re2llm.graph.cases import Case, CaseMaker
from re2llm.graph.measure import Measure, depth
from re2llm.graph.rooms import Rooms
from re2llm.graph.trial import SimilarSessions
from re2llm.kb_store.admission import HintAdmission, Writer
from re2llm.kb_store.effect import Trial
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.names import Names
from re2llm.kb_store.redundancy import Redundancy
from re2llm.kb_store.verdict import AdmissionRules
from re2llm.llm.judge import HintJudge
from re2llm.llm.prompts import prompt_texts, prompt_version
from re2llm.nodes.retrieve import MAX_SESSION
from re2llm.policy.rewards import Scope

_TRIAL_SESSIONS = 500
"""So many validation sessions are held ready for trying what feedback suggests."""


@dataclass(frozen=True, kw_only=True)
class Proving(Rooms):
    """The rooms, and what judges hints in them."""

    @cached_property
    def leak(self) -> LeakFilter:
        """Knows what a hint must not give away."""
        return LeakFilter(Names(self.catalog), prompts=prompt_texts())

    @cached_property
    def case_maker(self) -> CaseMaker:
        """Makes sessions into cases as serving would."""
        return CaseMaker(
            catalog=self.catalog,
            limit=self.settings.candidates,
            k=self.settings.k,
            max_session=MAX_SESSION,
            exclude_seen=self.settings.exclude_seen,
        )

    @property
    def measure(self) -> Measure:
        """Scores hints by the very reranker and fusion that serve."""
        return Measure(
            reranker=self.reranker,
            fusion=self.fusion,
            on=self.settings.reward,
            slots=self.slots,
            known=self.known,
        )

    @property
    def scope(self) -> Scope:
        """What rewards measured now are comparable with."""
        on = self.settings.reward
        fusion = self.fusion
        judged = on if on == "model" else f"{on} fused by {fusion.weight:g}, {fusion.hinted}"
        return Scope(
            model=f"{self.identity} {self.settings.asked}",
            prompt_version=prompt_version(),
            metric=f"ndcg@{depth(self.settings.k)} of the {judged}",
        )

    @property
    def as_served(self) -> Self:
        """The same, but judging by the slate as served whatever is learnt by."""
        return replace(self, settings=self.settings.model_copy(update={"reward": "slate"}))

    def valid_cases(self) -> list[Case]:
        """Make validation sessions into cases."""
        return self.case_maker.make(self.dataset.valid[:_TRIAL_SESSIONS], self.retriever)

    def some_valid(self, n: int) -> list[Case]:
        """Make up to n validation sessions, evenly spread over all, into cases."""
        sessions = self.dataset.valid
        return self.case_maker.make(
            sessions[:: max(1, len(sessions) // max(n, 1))][:n], self.retriever
        )

    @property
    def redundancy(self) -> Redundancy:
        """Finds hints that say the same."""
        return Redundancy(store=self.store, judge=HintJudge(self.client))

    def trial(self, make_cases: Callable[[], Sequence[Case]]) -> Trial:
        """Measures hints on such sessions."""
        return SimilarSessions(make_cases, self.measure, self.retrieval.encoder)

    def rules(self, sources: int) -> AdmissionRules:
        """Say what is asked of a hint, and how many independent sources must lead to it."""
        return AdmissionRules(sources=sources)

    def admission(
        self, make_cases: Callable[[], Sequence[Case]], *, source: str, sources: int
    ) -> HintAdmission:
        """Make the guard of the knowledge base.

        Args:
            make_cases: sessions that hints are tried on.
            source: what hints are attributed to.
            sources: how many independent sources must lead to a hint.
        """
        return HintAdmission(
            self.store,
            leak=self.leak,
            redundancy=self.redundancy,
            trial=self.trial(make_cases),
            writer=Writer(source=source, model=self.identity, prompt_version=prompt_version()),
            rules=self.rules(sources),
        )
