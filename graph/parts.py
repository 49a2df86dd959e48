"""The composition root: a workspace and its settings become steps with everything inside."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from re2llm.catalog.dataset import Dataset
from re2llm.catalog.items import Catalog
from re2llm.catalog.retrieve.index import HybridRetriever
from re2llm.graph.builder import Steps
from re2llm.graph.cases import Case, CaseMaker
from re2llm.graph.files import fusion_path
from re2llm.graph.measure import Known, Measure, depth
from re2llm.graph.retrieval import Retrieval
from re2llm.graph.trial import SimilarSessions
from re2llm.graph.ways import make_reranker
from re2llm.kb_store.admission import HintAdmission, Writer
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.effect import Trial
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.names import Names
from re2llm.kb_store.quota import ReflectionQuota
from re2llm.kb_store.redundancy import Redundancy
from re2llm.kb_store.store import Eligible
from re2llm.kb_store.verdict import AdmissionRules
from re2llm.llm.cache import AnswerCache
from re2llm.llm.client import ModelClient
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.judge import HintJudge
from re2llm.llm.mix import Mix
from re2llm.llm.prompts import prompt_texts, prompt_version
from re2llm.llm.reflector import ThreeTurnReflector
from re2llm.nodes.protocols import Reranker
from re2llm.nodes.reflect import Reflect
from re2llm.nodes.rerank import Rerank
from re2llm.nodes.retrieve import RetrieveCandidates
from re2llm.nodes.select_hint import SelectHint
from re2llm.nodes.tally import Tally
from re2llm.policy.choice import Choice
from re2llm.policy.rewards import RewardStore, Scope
from re2llm.policy.saved import load_policy
from re2llm.settings import Settings
from re2llm.workspace import Workspace

_TRIAL_SESSIONS = 500
"""So many validation sessions are held ready for trying what feedback suggests."""


class NoPolicy:
    """Before a policy is trained: no hint, and it says so."""

    version = "no policy trained"

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:  # noqa: ARG002
        """Choose no hint."""
        return Choice(hint_id=None, propensity=1.0, gain=None, version=self.version)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The opened rooms of one workspace, for serving and for learning alike.

    Attributes:
        identity: names the model and all that can change its answers, never a key.
        retrieval: the index, with what makes vectors of items' texts; `store` has its own encoder.
        scorer: asks for log-probabilities, where the settings' way is `likelihood`.
        fusion: as it was when this was opened; `with_fusion` takes a new one.
        owned: clients that were opened for this, and are closed with it.
        steps: the graph's, for serving.
    """

    settings: Settings
    workspace: Workspace
    dataset: Dataset
    retrieval: Retrieval
    store: ChromaHintStore
    model: BaseChatModel
    identity: str
    client: ModelClient
    scorer: ModelClient | None
    cache: AnswerCache
    rewards: RewardStore
    quota: ReflectionQuota
    fusion: SlateFusion
    slots: asyncio.Semaphore
    owned: tuple[BaseChatModel, ...] = ()
    known: Known = field(default_factory=dict)

    @property
    def catalog(self) -> Catalog:
        """The items."""
        return self.dataset.catalog

    @property
    def retriever(self) -> HybridRetriever:
        """Finds candidates."""
        return self.retrieval.retriever

    @cached_property
    def reranker(self) -> Reranker:
        """Asks the model for an order, in the way that the settings say."""
        return make_reranker(self.settings, self.client, self.scorer, self.catalog.items)

    @cached_property
    def mix(self) -> Mix:
        """Joins several orders of one session, as it was learnt by training."""
        path = self._mix_path
        return Mix.load(path) if path.exists() else Mix()

    @property
    def _mix_path(self) -> Path:
        path = self._fusion_path
        return path.with_name(f"{self.settings.calls_per_slate} calls {path.name}")

    @property
    def _fusion_path(self) -> Path:
        return fusion_path(self.workspace, self.identity, self.settings, self.retrieval.version)

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
            max_session=self.steps.retrieve.max_session,
            exclude_seen=self.settings.exclude_seen,
        )

    @cached_property
    def steps(self) -> Steps:
        """The graph's steps."""
        settings, catalog = self.settings, self.catalog
        policy = load_policy(
            self.workspace.policy,
            encoder=self.store.encoder.identity,
            dim=self.store.encoder.dim,
            exploration=settings.exploration,
            seed=settings.seed,
            calls=settings.calls_per_slate,
        )
        return Steps(
            retrieve=RetrieveCandidates(
                catalog=catalog,
                retriever=self.retriever,
                limit=settings.candidates,
                exclude_seen=settings.exclude_seen,
            ),
            select=SelectHint(
                catalog=catalog,
                store=self.store,
                policy=policy or NoPolicy(),
                encoder=self.store.encoder,
                limit=settings.hint_limit,
            ),
            rerank=Rerank(
                catalog=catalog,
                reranker=self.reranker,
                fusion=self.fusion,
                mix=self.mix,
                reasons=settings.reasons,
                deadline=settings.timeout,
            ),
            reflect=Reflect(
                catalog=catalog,
                reflector=ThreeTurnReflector(client=self.client),
                admission=self.admission(self.valid_cases, source="feedback", sources=2),
                quota=self.quota,
            ),
            tally=Tally(
                store=self.store,
                catalog=catalog,
                base=self.as_served.measure,
                share=settings.tally,
                depth=depth(settings.k),
            ),
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
            model=f"{self.identity} {self.settings.way}",
            prompt_version=prompt_version(),
            metric=f"ndcg@{depth(self.settings.k)} of the {judged}",
        )

    @property
    def as_served(self) -> "Parts":
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
            rules=AdmissionRules(sources=sources),
        )

    def with_fusion(self, fusion: SlateFusion) -> "Parts":
        """Keep a newly learnt fusion, and return the parts that use it."""
        path = self._fusion_path
        path.parent.mkdir(parents=True, exist_ok=True)
        fusion.save(path)
        return replace(self, fusion=fusion)

    def with_mix(self, mix: Mix) -> "Parts":
        """Keep a newly learnt mix, and return the parts that use it."""
        self._mix_path.parent.mkdir(parents=True, exist_ok=True)
        mix.save(self._mix_path)
        return replace(self)

    def close(self) -> None:
        """Let go of files and locks."""
        self.store.close()
        self.cache.close()
        self.rewards.close()
        self.quota.close()
