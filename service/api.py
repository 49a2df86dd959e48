"""The HTTP application: an opened recommender behind its routes."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from re2llm.graph.app import Re2LLM
from re2llm.service.door import Door
from re2llm.service.front import Front
from re2llm.service.gate import Gate
from re2llm.service.keys import Anyone, Authenticator, read_keys
from re2llm.service.options import ServeSettings
from re2llm.service.pace import RateLimit, SharedRateLimit
from re2llm.service.problems import PROBLEM, handle_problems
from re2llm.service.replies import Idempotent
from re2llm.service.routes import (
    chat,
    health,
    hints,
    items,
    pages,
    recommendations,
    rerank,
    sessions,
)

_ABOUT = """Recommendations that learn how to ask.

Every `/v1` route belongs to the tenant of the bearer key. Requests that change something honour
`Idempotency-Key`. Errors are `application/problem+json`."""


def create_api(front: Front | None) -> FastAPI:
    """Make the routes around an opened service; without one they can only be described."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if front is not None:
                await front.start(stack)
            yield

    api = FastAPI(
        title="Re2LLM",
        version=version("re2llm"),
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: f"{route.name}_{_slug(route.path)}",
    )
    api.state.front = front
    handle_problems(api)
    keyed = [Security(HTTPBearer(auto_error=False))]
    for routes in (sessions, recommendations, chat, hints, items, rerank):
        api.include_router(routes.router, dependencies=keyed, responses=PROBLEM)
    api.include_router(health.router, responses=PROBLEM)
    api.include_router(pages.router)
    return api


def create_service(
    app: Re2LLM, settings: ServeSettings, *, authenticator: Authenticator | None = None
) -> ASGIApp:
    """Make the whole service: the routes behind the gate.

    Args:
        app: an opened recommender; whoever opened it closes it, after the service has ended.
        settings: how it is served.
        authenticator: who may call; by default the settings' keys, or anyone where there are none.

    Raises:
        UserError: a key is malformed, or the records cannot be opened.
    """
    settings_of_app = app.parts.settings
    known = authenticator or read_keys(settings.api_keys.get_secret_value())
    front = Front.open(app, settings, settings_of_app.workspace)
    inner = Idempotent(app=create_api(front), replies=front.replies)
    served: ASGIApp = Gate(
        app=inner,
        authenticator=known or Anyone(settings_of_app.tenant),
        rate=SharedRateLimit(front.database, settings.rate_limit)
        if settings_of_app.database
        else RateLimit(settings.rate_limit),
        body_limit=settings.body_limit,
        depth_limit=settings.depth_limit,
    )
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    if origins:
        served = CORSMiddleware(
            served,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        )
    return Door(app=served, meters=front.meters, time_limit=settings.time_limit)


def _slug(path: str) -> str:
    return re.sub(r"\W+", "_", path).strip("_")
