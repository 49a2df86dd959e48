"""What a number depends on, so that it can be had again: data by content, versions, prompts."""

import hashlib
import json
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version

from re2llm.catalog.items import Catalog
from re2llm.catalog.sessions import Session

_LIBRARIES = (
    "re2llm",
    "langgraph",
    "langchain-core",
    "langchain-openai",
    "chromadb",
    "torch",
    "numpy",
)


def provenance(catalog: Catalog, sessions: Sequence[Session]) -> dict[str, str]:
    """Name the items and the judged sessions by their content, and what ran."""
    items = ([one.item_id, one.title, sorted(one.attributes.items())] for one in catalog)
    judged = ([one.session_id, one.items, one.target, one.candidates] for one in sessions)
    return {
        "items": f"{len(catalog):,}, sha256 {_hash(items)}",
        "judged sessions": f"{len(sessions):,}, sha256 {_hash(judged)}",
        "python": f"{platform.python_version()} on {platform.system()}",
        "libraries": ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES),
    }


def _hash(rows: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()[:16]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
