"""The opened rooms of a workspace, and what of training serves in them."""

import asyncio
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

from langchain_core.language_models import BaseChatModel

from re2llm.catalog.dataset import Dataset
from re2llm.catalog.items import Catalog
from re2llm.catalog.retrieve.index import HybridRetriever
from re2llm.graph.encoders import close_encoder
from re2llm.graph.files import fusion_path
from re2llm.graph.measure import Known
from re2llm.graph.retrieval import Retrieval
from re2llm.graph.serving import (
    NoPolicy,
    Others,
    Serving,
    Weights,
    plain_fusion,
    read_weights,
)
from re2llm.graph.stock import Stock
from re2llm.graph.ways import make_reranker
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.quota import ReflectionQuota
from re2llm.llm.cache import AnswerCache
from re2llm.llm.client import ModelClient
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.mix import Mix
from re2llm.nodes.protocols import HintPolicy, Reranker
from re2llm.policy.rewards import RewardStore
from re2llm.policy.saved import CURRENT, load_policy
from re2llm.settings import Settings
from re2llm.workspace import Workspace

_TENANTS = 256
"""The policies of so many other tenants stay open."""


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """The opened rooms of one workspace, for serving and for learning alike.

    Attributes:
        identity: names the model and all that can change its answers, never a key.
        stock: the items and the index that serve, as they are now.
        retrieval: the index as it was opened, with what makes vectors of items' texts; `store` has
            its own encoder.
        scorer: asks for log-probabilities, where the settings' way is `likelihood`.
        fusion: of the policy that served this tenant when this was opened, else the plain one.
        owned: clients that were opened for this, and are closed with it.
    """

    settings: Settings
    workspace: Workspace
    stock: Stock
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
    def dataset(self) -> Dataset:
        """The data as it was opened, over the items as they are now."""
        return self.stock.dataset

    @property
    def catalog(self) -> Catalog:
        """The items."""
        return self.dataset.catalog

    @property
    def retriever(self) -> HybridRetriever:
        """Finds candidates among what there is now; does not see what comes later."""
        return self.stock.retriever

    @cached_property
    def reranker(self) -> Reranker:
        """Asks the model for an order, in the way that the settings say."""
        return make_reranker(self.settings, self.client, self.scorer, self.catalog.items)

    @cached_property
    def mix(self) -> Mix:
        """Joins several orders of one session, as it was learnt for the policy that serves."""
        return self._mix_of(self.weights_of(self.settings.tenant))

    @property
    def asked(self) -> str:
        """Name what weights of orders belong to: model, way of asking, prompts and data."""
        return self._fusion_path.stem

    def weights_of(self, tenant: str) -> Weights | None:
        """Read how the orders of the policy that serves this tenant become slates."""
        return read_weights(self.workspace, tenant, self.asked)

    def _mix_of(self, weights: Weights | None) -> Mix:
        fits = weights is not None and weights.calls == self.settings.calls_per_slate
        return weights.mix if weights is not None and fits else Mix()

    def policy_of(self, tenant: str) -> HintPolicy:
        """Open the policy that serves a tenant.

        Raises:
            UserError: it is damaged, or does not fit the workspace.
        """
        found = load_policy(
            self.workspace.policy_of(tenant),
            encoder=self.store.encoder.identity,
            dim=self.store.encoder.dim,
            exploration=self.settings.exploration,
            seed=self.settings.seed,
            calls=self.settings.calls_per_slate,
        )
        return found or NoPolicy()

    @cached_property
    def others(self) -> Others:
        """Finds what serves other tenants."""
        plain = plain_fusion(self._fusion_path)

        @lru_cache(maxsize=_TENANTS)
        def serving(tenant: str) -> Serving:
            weights = self.weights_of(tenant)
            return Serving(
                policy=self.policy_of(tenant),
                fusion=weights.fusion if weights else plain,
                mix=self._mix_of(weights),
            )

        return Others(self.settings.tenant, serving)

    @property
    def _fusion_path(self) -> Path:
        return fusion_path(self.workspace, self.identity, self.settings, self.retrieval.version)

    def with_fusion(self, fusion: SlateFusion) -> Self:
        """Keep a newly learnt fusion for where no policy serves; return the parts that use it."""
        path = self._fusion_path
        path.parent.mkdir(parents=True, exist_ok=True)
        fusion.save(path)
        return replace(self, fusion=fusion)

    @property
    def stamps(self) -> tuple[tuple[str, int, int], ...]:
        """Say what of training lies in the workspace, so that something new is noticed cheaply."""
        policy = self.workspace.policy
        learnt = (self._fusion_path, policy / CURRENT, *policy.glob(f"tenants/*/{CURRENT}"))
        return tuple(sorted(stamp for path in learnt if (stamp := _stamp(path)) is not None))

    def renewed(self) -> Self:
        """Return the parts with the policies and weights that lie there now.

        Raises:
            UserError: one of them is damaged or does not fit.
        """
        weights = self.weights_of(self.settings.tenant)
        fusion = weights.fusion if weights else plain_fusion(self._fusion_path)
        return replace(self, fusion=fusion)

    def close(self) -> None:
        """Let go of files, locks and connections."""
        self.stock.close()
        close_encoder(self.retrieval.encoder)
        self.store.close()
        self.cache.close()
        self.rewards.close()
        self.quota.close()


def _stamp(path: Path) -> tuple[str, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return str(path), found.st_mtime_ns, found.st_ino
