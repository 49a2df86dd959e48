"""Whether the process lives, whether it can serve, and how it fares."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import BaseModel

from re2llm.database import DatabaseUnavailable
from re2llm.service.front import FrontDep

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    """The process answers."""

    status: str = "ok"


class ReadyOut(BaseModel):
    """Whether each thing that serving needs is there; `model` says what answers."""

    ready: bool
    records: bool
    hints: bool
    index: bool
    """Whether the hints' index is up to date; serving does without, and it is mended by itself."""
    items: int
    model: str


@router.get("/healthz")
async def health() -> HealthOut:
    """Say that the process answers."""
    return HealthOut()


@router.get("/readyz", responses={503: {"model": ReadyOut}})
async def ready(response: Response, front: FrontDep) -> ReadyOut:
    """Say whether requests can be served; 503 where not."""
    parts = front.app.parts
    records = await asyncio.to_thread(_answers, lambda: front.database.read("SELECT 1"))
    hints = await asyncio.to_thread(_answers, parts.store.log.position)
    if not (records and hints):
        response.status_code = 503
    return ReadyOut(
        ready=records and hints,
        records=records,
        hints=hints,
        index=parts.store.index_current,
        items=len(parts.catalog),
        model=parts.settings.model_label,
    )


@router.get("/metrics", response_class=Response)
async def metrics(front: FrontDep) -> Response:
    """Tell Prometheus."""
    try:
        front.meters.waiting.set(await asyncio.to_thread(front.app.parts.quota.count_all))
    except DatabaseUnavailable:
        front.meters.waiting.set(float("nan"))
    return Response(front.meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except DatabaseUnavailable:
        return False
    return True
