"""Opening a workspace: its files, its model and its knowledge base become parts."""

import asyncio
from contextlib import ExitStack, closing
from functools import partial

from langchain_core.language_models import BaseChatModel

from re2llm.catalog.dataset import open_dataset
from re2llm.database import few_connections
from re2llm.graph.encoders import keep_encoder, open_encoder
from re2llm.graph.files import fusion_path
from re2llm.graph.knowledge import open_quota, open_store
from re2llm.graph.models import open_model, open_scores, require_token_probabilities
from re2llm.graph.parts import Parts
from re2llm.graph.rebuild import start_rebuild
from re2llm.graph.serving import plain_fusion, read_weights
from re2llm.graph.stock import Stock
from re2llm.llm.ask import FORMS
from re2llm.llm.budget import Budget, BudgetLimits
from re2llm.llm.cache import AnswerCache
from re2llm.llm.client import ModelClient
from re2llm.llm.pace import Pace, PaceLimits
from re2llm.llm.patience import Patience
from re2llm.llm.prices import FREE, find_price
from re2llm.llm.probe import load_probe, remember_forms
from re2llm.llm.room import Room
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
    stock = Stock(
        workspace,
        open_dataset(workspace.data),
        encoder=open_encoder(settings, workspace),
        rebuild=start_rebuild,
    )
    retrieval = stock.retrieval
    keep_encoder(settings, workspace)
    model, identity = open_model(settings, chat_model)
    known = load_probe(workspace.probes, identity)
    scores = open_scores(settings, chat_model, known) if settings.way == "likelihood" else None
    if settings.way == "first-token":
        require_token_probabilities(settings, known)
    budget = Budget(BudgetLimits(calls=settings.max_calls, cost=settings.max_cost))
    price = FREE if settings.offline else find_price(settings.model, settings.prices)
    pace = Pace(
        PaceLimits(
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
        )
    )
    path = fusion_path(workspace, identity, settings, retrieval.version)
    weights = read_weights(workspace, settings.tenant, path.stem)
    fusion = weights.fusion if weights else plain_fusion(path)
    url = settings.database
    with few_connections(url, settings.database_connections), ExitStack() as opened:
        cache = opened.enter_context(closing(AnswerCache(workspace.answers, url=url)))
        store = opened.enter_context(closing(open_store(settings)))
        rewards = opened.enter_context(closing(RewardStore(workspace.rewards, url=url)))
        quota = opened.enter_context(closing(open_quota(settings)))

        def ask(asked: BaseChatModel, name: str, *, scores: bool = False) -> ModelClient:
            return ModelClient(
                asked,
                identity=name,
                forms=known.forms if known and known.forms and not scores else FORMS,
                cache=cache,
                budget=budget,
                price=price,
                pace=pace,
                patience=Patience(deadline=settings.timeout),
                room=Room(known.context if known else None, apart=scores),
                remember=partial(remember_forms, workspace.probes, identity),
                seed=settings.seed,
            )

        parts = Parts(
            settings=settings,
            workspace=workspace,
            stock=stock,
            retrieval=retrieval,
            store=store,
            model=model,
            identity=identity,
            client=ask(model, identity),
            scorer=None if scores is None else ask(scores, f"scores {identity}", scores=True),
            owned=tuple(one for one in (None if chat_model else model, scores) if one is not None),
            cache=cache,
            rewards=rewards,
            quota=quota,
            fusion=fusion,
            slots=asyncio.Semaphore(settings.concurrency),
        )
        opened.pop_all()
    return parts
