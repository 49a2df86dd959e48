"""The composition root: a workspace and its settings become steps with everything inside."""

from dataclasses import dataclass
from functools import cached_property

from re2llm.graph.builder import Steps
from re2llm.graph.measure import depth
from re2llm.graph.parted import parted
from re2llm.graph.proving import Proving
from re2llm.llm.reflector import ThreeTurnReflector
from re2llm.nodes.reflect import Reflect
from re2llm.nodes.rerank import Rerank
from re2llm.nodes.retrieve import RetrieveCandidates
from re2llm.nodes.select_hint import SelectHint
from re2llm.nodes.tally import Tally

FEEDBACK_SOURCES = 2
"""So many independent sources must lead to a hint from feedback before it becomes active."""


@dataclass(frozen=True, kw_only=True)
class Parts(Proving):
    """The opened rooms of one workspace, for serving and for learning alike."""

    @cached_property
    def steps(self) -> Steps:
        """The graph's steps."""
        settings, catalog = self.settings, self.catalog
        return Steps(
            retrieve=RetrieveCandidates(
                catalog=catalog,
                retriever=self.stock,
                limit=settings.candidates,
                exclude_seen=settings.exclude_seen,
            ),
            select=SelectHint(
                catalog=catalog,
                store=self.store,
                policy=self.policy_of(settings.tenant),
                tenant=settings.tenant,
                others=self.others.policy,
                encoder=self.store.encoder,
                limit=settings.hint_limit,
            ),
            rerank=Rerank(
                catalog=catalog,
                reranker=self.reranker,
                fusion=self.fusion,
                mix=self.mix,
                others=self.others.slates,
                reasons=settings.reasons,
                deadline=settings.timeout,
            ),
            reflect=Reflect(
                catalog=catalog,
                reflector=ThreeTurnReflector(client=self.client),
                admission=self.admission(
                    lambda: parted(self.valid_cases())[0],
                    source="feedback",
                    sources=FEEDBACK_SOURCES,
                ),
                quota=self.quota,
            ),
            tally=Tally(
                store=self.store,
                catalog=catalog,
                base=self.as_served.measure,
                share=settings.tally,
                shadows=settings.shadow_tally,
                depth=depth(settings.k),
            ),
        )
