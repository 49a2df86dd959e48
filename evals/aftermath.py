"""What serves after feedback: upkeep, a training, and slates for sessions that nobody told of."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import Item
from re2llm.catalog.sessions import Session
from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.builder import RecommendApp, build_graph
from re2llm.graph.folds import make_folds
from re2llm.graph.learn import learn_policy
from re2llm.graph.learning import TrainPlan
from re2llm.graph.measure import DEPTH, reciprocal_log_rank
from re2llm.graph.slate_log import read_slates
from re2llm.graph.state import RecommendInput
from re2llm.graph.trainers import make_trainer
from re2llm.graph.weigh import learn_fusion
from re2llm.kb_store.hint import Status
from re2llm.kb_store.life import LifeRules, sweep
from re2llm.nodes.context import Context

_AT_ONCE = 16
_PLACED = 200
"""On so many sessions items are placed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """How a shop learns after feedback.

    Attributes:
        sessions: training sessions.
        calls: rewards to pay for; a quarter more finds the best hint for all.
    """

    sessions: int = 1000
    calls: int = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What a shop serves in the end.

    Attributes:
        active: texts of the active hints.
        gains: (sessions,) NDCG of the slate that is served minus that of the one without a hint.
        hinted: share of the sessions that get a hint.
        plain: (items, sessions) place of an item, put among the candidates, without a hint; the
            planted one first, then others to compare it with.
        steered: (items, sessions) its place in the slate that is served.
    """

    active: tuple[str, ...]
    gains: NDArray[np.float64]
    hinted: float
    plain: NDArray[np.float64]
    steered: NDArray[np.float64]


async def teach(app: Re2LLM, plan: Teaching) -> str:
    """Do what a shop does at night, `re2llm hints upkeep` and `re2llm train`; return the verdict.

    What was served and what became of it is learnt from, too. What the training lets serve is used
    from now on.
    """
    parts = app.parts
    if not parts.fusion.sessions:
        parts = await learn_fusion(parts, parts.valid_cases(), _silent)
    noted = parts.store.log.last_noted(tenant=parts.settings.tenant)
    await asyncio.to_thread(sweep, parts.store, LifeRules(), now=time.time(), last_noted=noted)
    folds = make_folds(
        parts.dataset,
        parts.retriever,
        parts.case_maker,
        limit=plan.sessions,
        seed=parts.settings.seed,
    )
    log = await read_slates(parts.workspace.slates, parts.catalog, tenant=parts.settings.tenant)
    trained = TrainPlan(
        trainer=make_trainer("top-two"), calls=plan.calls, static_calls=plan.calls // 4
    )
    try:
        learnt = await learn_policy(parts, folds, parts.valid_cases(), trained, _silent, log)
    except UserError as error:
        return f"nothing is learnt: {error}"
    await app.renew()
    return learnt.words


async def look(app: Re2LLM, sessions: Sequence[Session], items: Sequence[Item]) -> Aftermath:
    """Serve held-out sessions with what the shop has now, and without a hint.

    Args:
        app: the shop.
        sessions: to be served; on the first of them the items are placed.
        items: the planted one, then others to compare it with.
    """
    graph = build_graph(app.parts.steps).compile()
    slots = asyncio.Semaphore(_AT_ONCE)

    async def both(session: Session, listed: Sequence[str]) -> tuple[list[str], list[str], bool]:
        async with slots:
            plain, _ = await _order(graph, session, listed, "none")
            served, hinted = await _order(graph, session, listed, "policy")
        return plain, served, hinted

    async def gain(session: Session) -> tuple[float, bool]:
        plain, served, hinted = await both(session, session.candidates or ())
        before, after = (
            reciprocal_log_rank(order, session.target or "", DEPTH) for order in (plain, served)
        )
        return after - before, hinted

    async def place(session: Session, item_id: str) -> tuple[int, int]:
        others = [one for one in session.candidates or () if one != item_id]
        plain, served, _ = await both(session, [*others, item_id])
        return plain.index(item_id) + 1, served.index(item_id) + 1

    found = await asyncio.gather(*(gain(session) for session in sessions))
    placed = [
        await asyncio.gather(*(place(session, item.item_id) for session in sessions[:_PLACED]))
        for item in items
    ]
    places = np.array(placed, dtype=np.float64)
    active = app.parts.store.hints(tenant=app.parts.settings.tenant, status=[Status.ACTIVE])
    return Aftermath(
        active=tuple(hint.text for hint in active),
        gains=np.array([gained for gained, _ in found]),
        hinted=float(np.mean([hinted for _, hinted in found])),
        plain=places[:, :, 0],
        steered=places[:, :, 1],
    )


async def _order(
    graph: RecommendApp, session: Session, candidates: Sequence[str], hint: str
) -> tuple[list[str], bool]:
    """Return the whole order, and whether a hint was given."""
    given: RecommendInput = {
        "session": list(session.items),
        "given_candidates": list(candidates),
        "k": DEPTH,
    }
    output = await graph.ainvoke(given, context=Context(hint=hint, wait=False))
    return output["ranking"]["items"], output["hint"]["hint_id"] is not None


def _silent(*_: object) -> None:
    """Report nothing."""
