"""Opening a workspace: its files, its model and its knowledge base become parts."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack, closing

from langchain_core.language_models import BaseChatModel

from re2llm.catalog.dataset import open_dataset
from re2llm.graph.knowledge import open_quota, open_store
from re2llm.graph.models import open_model, open_scores
from re2llm.graph.parts import Parts, fusion_path
from re2llm.graph.retrieval import open_retrieval
from re2llm.llm.ask import FORMS, Form
from re2llm.llm.budget import Budget, BudgetLimits
from re2llm.llm.cache import AnswerCache
from re2llm.llm.client import ModelClient
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.patience import Patience
from re2llm.llm.prices import FREE, find_price
from re2llm.llm.probe import load_probe
from re2llm.policy.rewards import RewardStore
from re2llm.settings import Settings
from re2llm.workspace import Workspace


def open_parts(settings: Settings, chat_model: BaseChatModel | None) -> Parts:
    """Open a workspace.

    Raises:
        UserError: there is no catalogue, another process writes this workspace, or a setting does
            not fit it.
    """
    workspace = Workspace(settings.workspace)
    workspace.require_data()
    dataset = open_dataset(workspace.data)
    retrieval = open_retrieval(workspace, dataset)
    model, identity = open_model(settings, chat_model)
    known = load_probe(workspace.probes, identity)
    scores = open_scores(settings, chat_model, known) if settings.way == "likelihood" else None
    budget = Budget(BudgetLimits(calls=settings.max_calls, cost=settings.max_cost))
    path = fusion_path(workspace, identity, settings)
    fusion = SlateFusion.load(path) if path.exists() else SlateFusion()
    url = settings.database
    with ExitStack() as opened:
        cache = opened.enter_context(closing(AnswerCache(workspace.answers, url=url)))
        store = opened.enter_context(closing(open_store(settings)))
        rewards = opened.enter_context(closing(RewardStore(workspace.rewards, url=url)))
        quota = opened.enter_context(closing(open_quota(settings)))

        def ask(asked: BaseChatModel, name: str, forms: Sequence[Form]) -> ModelClient:
            return ModelClient(
                asked,
                identity=name,
                forms=forms,
                cache=cache,
                budget=budget,
                price=FREE if settings.offline else find_price(settings.model),
                patience=Patience(deadline=settings.timeout),
                seed=settings.seed,
            )

        parts = Parts(
            settings=settings,
            workspace=workspace,
            dataset=dataset,
            retrieval=retrieval,
            store=store,
            model=model,
            identity=identity,
            client=ask(model, identity, known.forms if known and known.forms else FORMS),
            scorer=None if scores is None else ask(scores, f"scores {identity}", FORMS),
            cache=cache,
            rewards=rewards,
            quota=quota,
            fusion=fusion,
            slots=asyncio.Semaphore(settings.concurrency),
        )
        opened.pop_all()
    return parts
