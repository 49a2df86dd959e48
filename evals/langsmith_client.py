"""The way to LangSmith: bounded, so that a dead endpoint slows nothing, and masked by default."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import requests
from langsmith import Client, tracing_context
from langsmith.schemas import LangSmithInfo
from urllib3.util import Retry

from re2llm.evals.masking import mask

CONNECT_MS = 1000
READ_MS = 3000
SAYING = ("inputs", "outputs", "error", "events", "serialized", "tags", "name")
"""The fields of a run that can hold what somebody said; so can its metadata."""
BUFFERED = 64
"""Runs that wait to be anonymised together."""
Anonymiser = Callable[[dict[str, object]], dict[str, object]]
FLUSH_S = 2.0
"""How long the end of a program waits for traces that are still on their way."""


class _BoundedSession(requests.Session):
    """Keeps LangSmith's client to our limits: it waits 10 s for an answer, several times over."""

    def __init__(self, connect_s: float, read_s: float) -> None:
        super().__init__()
        self.limits = (connect_s, read_s)
        self.over = threading.Event()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if self.over.is_set():
            raise requests.ConnectionError("the client is closed; this trace is dropped")
        return super().send(request, **{**kwargs, "timeout": self.limits})


def _clean(anonymiser: Anonymiser | None, runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Anonymise runs in a thread of the client's, away from the request; an error drops them."""
    if anonymiser is None:
        return list(runs)
    cleaned = []
    for run in runs:
        said = {key: run[key] for key in SAYING if run.get(key) is not None}
        extra = run.get("extra")
        if isinstance(extra, dict):
            extra = anonymiser(extra)
        cleaned.append({**run, **anonymiser(said), "extra": extra})
    return cleaned


@contextmanager
def langsmith_client(
    *,
    api_key: str | None = None,
    endpoint: str | None = None,
    workspace_id: str | None = None,
    anonymiser: Anonymiser | None = mask,
    connect_ms: int = CONNECT_MS,
    read_ms: int = READ_MS,
) -> Iterator[Client]:
    """Open a client, and close it in bounded time whatever the endpoint does.

    Nothing is asked in advance, and what is not delivered shortly after the end is dropped: the end
    of a program waits `FLUSH_S` seconds and one request at most. Without `api_key` and `endpoint`,
    LangSmith's own environment variables count.

    Args:
        api_key: for the header; it is in no trace.
        endpoint: base URL of the LangSmith service.
        workspace_id: for keys that belong to an organisation.
        anonymiser: what inputs, outputs, metadata and errors go through; None sends them as they
            are.
        connect_ms: time to connect.
        read_ms: time to answer.
    """
    session = _BoundedSession(connect_ms / 1000, read_ms / 1000)
    client = Client(
        session=session,
        api_url=endpoint,
        api_key=api_key,
        workspace_id=workspace_id,
        process_buffered_run_ops=partial(_clean, anonymiser),
        run_ops_buffer_size=BUFFERED,
        run_ops_buffer_timeout_ms=500,
        retry_config=Retry(total=0),
        timeout_ms=(connect_ms, read_ms),
        info=LangSmithInfo(),
    )
    try:
        yield client
    finally:
        client.flush(timeout=FLUSH_S)
        session.over.set()
        client.close(timeout=0)


@contextmanager
def traced(client: Client, project: str, **metadata: str) -> Iterator[None]:
    """Send traces of everything inside to a project, whatever the environment says."""
    with tracing_context(
        enabled=True, client=client, project_name=project, metadata=dict(metadata)
    ):
        yield


@contextmanager
def untraced() -> Iterator[None]:
    """Send nothing from inside, whatever the environment says."""
    with tracing_context(enabled=False):
        yield
