"""The pages that people see: plain files, which hold nothing of a tenant."""

from functools import lru_cache
from importlib.resources import files

from fastapi import APIRouter, Response

from re2llm.service.problems import Problem

router = APIRouter(include_in_schema=False)

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


@router.get("/")
async def chat_page() -> Response:
    """Show the chat."""
    return _file("index.html")


@router.get("/hints")
async def hints_page() -> Response:
    """Show the hints and their review."""
    return _file("hints.html")


@router.get("/pages/{name}")
async def page_file(name: str) -> Response:
    """Send a style sheet or a script."""
    if name not in _files():
        raise Problem(404, f"there is no page {name!r}")
    return _file(name)


@lru_cache(maxsize=1)
def _files() -> dict[str, bytes]:
    return {
        entry.name: entry.read_bytes()
        for entry in files("re2llm.service").joinpath("pages").iterdir()
        if entry.name.endswith(tuple(_KINDS))
    }


def _file(name: str) -> Response:
    kind = next(kind for end, kind in _KINDS.items() if name.endswith(end))
    headers = {"Cache-Control": "no-cache"}
    return Response(_files()[name], media_type=f"{kind}; charset=utf-8", headers=headers)
