"""How errors are told: `application/problem+json` (RFC 9457) that names what is wrong."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from re2llm.database import database_errors
from re2llm.errors import UserError
from re2llm.kb_store.errors import IndexUnavailable, KnownHint, UnknownHint
from re2llm.service.claims import ClaimLost

PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What is wrong, for people to read.",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "title": "Problem",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                    },
                }
            }
        },
    }
}
"""How the OpenAPI document tells of every answer that is no success."""
_log = logging.getLogger(__name__)
_TITLES = {
    400: "Bad request",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Cannot be processed",
    429: "Too many requests",
    500: "Our mistake",
    503: "Not now",
    504: "Took too long",
}


_STATUS: dict[type[UserError], int] = {UnknownHint: 404, KnownHint: 409}


class Problem(Exception):
    """A request that cannot be served; the message is for the caller."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Say with which HTTP status, why, and with which extra headers."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Make the response of a problem."""
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    return JSONResponse(
        body, status, headers=dict(headers or {}), media_type="application/problem+json"
    )


def handle_problems(api: FastAPI) -> None:
    """Make every error of the routes a problem response."""

    @api.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return problem_response(error.status, error.detail, error.headers)

    @api.exception_handler(UserError)
    async def _user(_: Request, error: UserError) -> JSONResponse:
        return problem_response(_STATUS.get(type(error), 422), str(error))

    @api.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(422, _told_invalid(error, request.headers.get("content-type", "")))

    @api.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return problem_response(error.status_code, str(error.detail), error.headers)

    async def _unreachable(_: Request, error: Exception) -> JSONResponse:
        return unreachable(error)

    for kind in unreachable_errors():
        api.add_exception_handler(kind, _unreachable)


def _told_invalid(error: RequestValidationError, kind: str) -> str:
    """Say what is wrong with a request, and what to send instead."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        why = first.get("ctx", {}).get("error", "it cannot be read")
        return f"the body is not JSON: {why} (character {first['loc'][-1]})"
    if where == "body" and first["type"] != "missing" and "json" not in kind:
        return f"send the body as JSON, with 'Content-Type: application/json', not {kind!r}"
    if where == "body" and first["type"] != "missing":
        return "the body has to be a JSON object, as /openapi.json tells"
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no such field; /openapi.json tells which there are"
    return f"{where}: {first['msg']}"


def unreachable_errors() -> tuple[type[Exception], ...]:
    """Return what is raised where something that a request needs cannot be reached now."""
    return (*database_errors(), IndexUnavailable, ClaimLost)


def unreachable(error: Exception) -> JSONResponse:
    """Make the response for one of `unreachable_errors`: try again soon."""
    return problem_response(503, told_unreachable(error), {"Retry-After": "2"})


def told_unreachable(error: Exception) -> str:
    """Say what cannot be reached; what its driver says goes to the log alone."""
    _log.error("%s: %s", type(error).__name__, error)
    if isinstance(error, IndexUnavailable):
        return "the hints' index does not answer; recommendations go on"
    return "the records cannot be reached; what was acknowledged is safe, try again"
