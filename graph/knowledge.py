"""Opens the knowledge base alone, without the rest of a workspace."""

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.hashing import HashingEncoder
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.names import Names
from re2llm.kb_store.quota import QuotaLimits, ReflectionQuota
from re2llm.llm.prompts import prompt_texts
from re2llm.settings import Settings
from re2llm.workspace import Workspace


def open_store(settings: Settings, *, rebuild: bool = False) -> ChromaHintStore:
    """Open the knowledge base of a workspace; to rebuild makes its index anew, whatever it was.

    Raises:
        UserError: there is no workspace, another process writes it, or there is no Chroma to make
            the index in.
    """
    workspace = Workspace(settings.workspace)
    workspace.require_data()
    return ChromaHintStore(
        workspace.hints,
        HashingEncoder(),
        url=settings.chroma_url,
        database=settings.database,
        rebuild=rebuild,
    )


def leak_filter(settings: Settings) -> LeakFilter:
    """Read what a hint must not name: the shop's items and our own prompts.

    Raises:
        UserError: there is no workspace.
    """
    workspace = Workspace(settings.workspace)
    workspace.require_data()
    return LeakFilter(Names(open_dataset(workspace.data).catalog), prompts=prompt_texts())


def open_quota(settings: Settings) -> ReflectionQuota:
    """Open the record of what feedback may cost.

    Raises:
        UserError: it cannot be used.
    """
    limits = QuotaLimits(
        tenant=settings.reflections_per_hour, source=settings.reflections_per_source
    )
    path = Workspace(settings.workspace).reflections
    return ReflectionQuota(path, limits, url=settings.database)
