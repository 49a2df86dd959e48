"""Slates and their feedback."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from re2llm.service.asked import Asked, Served
from re2llm.service.front import CallerDep, Front, FrontDep
from re2llm.service.keys import Caller
from re2llm.service.recommend import Progress
from re2llm.service.schemas import (
    FeedbackIn,
    LearntOut,
    RecommendIn,
    SlateOut,
    learnt_out,
    slate_out,
)
from re2llm.service.sse import Told, stream, wants_stream
from re2llm.service.whose import whose

router = APIRouter(prefix="/v1", tags=["recommendations"])


@router.post("/recommendations", response_model=SlateOut)
async def recommend(
    body: RecommendIn, request: Request, front: FrontDep, caller: CallerDep
) -> SlateOut | Response:
    """Recommend items for a session, a wish in words, or both.

    With `Accept: text/event-stream`: `progress` events, then `cards`, then `reasons`, then `end`.
    """
    asked = await front.asked(caller, body)
    if wants_stream(request):
        return stream(_told(front, caller, asked))
    served = await front.recommender.make(caller.tenant, asked)
    front.meters.slates.labels(_degraded(served)).inc()
    return slate_out(served)


async def _told(front: Front, caller: Caller, asked: Asked) -> AsyncIterator[Told]:
    async for told in front.recommender.stream(caller.tenant, asked):
        if isinstance(told, Progress):
            yield "progress", {"step": told.step, "told": told.told}
            continue
        front.meters.slates.labels(_degraded(told)).inc()
        slate = slate_out(told)
        reasons = {card.item_id: card.reasons for card in slate.items}
        bare = [card.model_copy(update={"reasons": []}) for card in slate.items]
        yield "cards", slate.model_copy(update={"items": bare})
        yield "reasons", {"slate_id": slate.slate_id, "reasons": reasons}


@router.post(
    "/slates/{slate_id}/feedback",
    response_model=LearntOut,
    responses={202: {"model": LearntOut, "description": "Accepted; the system still reflects."}},
)
async def feedback(
    slate_id: str, body: FeedbackIn, response: Response, front: FrontDep, caller: CallerDep
) -> LearntOut:
    """Tell what the shopper took; saying the same again changes nothing."""
    known = await asyncio.to_thread(front.slates.read, caller.tenant, slate_id)
    said = whose(caller, known.session_id, body.shopper)
    await front.feedback.give(caller.tenant, slate_id, body.chosen, said=said)
    front.meters.feedback.labels("no" if body.chosen is None else "yes").inc()
    record = await front.feedback.wait(caller.tenant, slate_id, front.settings.feedback_wait)
    if record.learnt is None:
        response.status_code = 202
    return learnt_out(record)


@router.get("/slates/{slate_id}")
async def read_slate(
    slate_id: str,
    front: FrontDep,
    caller: CallerDep,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for an end.")] = 0,
) -> LearntOut:
    """Tell what was shown, and what came of its feedback."""
    record = await asyncio.to_thread(front.slates.read, caller.tenant, slate_id)
    if wait and record.learnt is None:
        record = await front.feedback.wait(caller.tenant, slate_id, wait)
    return learnt_out(record)


def _degraded(served: Served) -> str:
    return "yes" if served.slate.degraded else "no"
