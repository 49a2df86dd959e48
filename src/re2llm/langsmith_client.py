"""The way to LangSmith: bounded, so that a dead endpoint slows nothing, and masked by default."""

import logging
import math
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import requests
from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers.context import tracing_v2_callback_var
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client, tracing_context
from langsmith.run_trees import RunTree
from langsmith.schemas import LangSmithInfo
from urllib3.util import Retry

from re2llm.masking import mask, mask_about, mask_error, mask_text

CONNECT_MS = 1000
READ_MS = 3000
_SAYING = ("inputs", "outputs")
_TELLING = ("serialized", "tags", "name", "extra")
"""The fields of a run that can hold what somebody said, and those that tell about the run."""
_EVENT = ("name", "time")
BUFFERED = 64
"""Runs that wait to be anonymised together."""
Anonymiser = Callable[[dict[str, object]], dict[str, object]]
_KEY = re.compile(r"\s*API Key: \S*")
"""How LangSmith's library tells the ends of a key in its errors."""
_LOST = ("Failed to multipart ingest", "Failed to batch ingest", "Failed to send compressed")
LOST_S = 600.0
"""So long after it was told that traces are lost, it is not told again."""
FLUSH_S = 2.0
"""How long the end of a program waits for traces that are still on their way."""


def without_key(error: object) -> str:
    """Return an error of LangSmith's library in words, without what it tells of the key."""
    return _KEY.sub("", str(error))


class _KeysOut(logging.Filter):
    """Takes what is told of keys out of the library's log; where an error came from stays.

    That this client does not compress is our choice, and nothing that an update would mend. That
    traces are lost is told in one line, once in a while: the library tells it of every batch, with
    all causes and every run's id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.again()

    def again(self) -> None:
        """Tell of lost traces anew: another client may send elsewhere."""
        self._told = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_key(record.getMessage()), ()
        if record.msg.startswith("Run compression is not enabled"):
            return False
        if record.msg.startswith(_LOST):
            now = time.monotonic()
            if now - self._told < LOST_S:
                return False
            self._told = now
            record.msg, record.exc_info = _lost(record.msg), None
        if record.exc_info:
            # As text, which handlers print as they would the error: its words may hold keys.
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            record.exc_info, record.exc_text = None, mask_text(without_key(told))
        return True


def _lost(said: str) -> str:
    """Say what to do about traces that did not arrive, in one line."""
    status = re.search(r"\b(401|403)\b|Unauthorized|Forbidden", said)
    place = re.search(r"https?://[^/\s'\"]+", said)
    where = f" at {place[0]}" if place else ""
    mend = "LANGSMITH_API_KEY" if status else "LANGSMITH_ENDPOINT"
    why = "refuses the key" if status else "does not take them"
    return (
        f"traces are lost: LangSmith{where} {why}; slates are not affected. Set {mend} right, or "
        "leave out LANGSMITH_TRACING"
    )


_KEYS_OUT = _KeysOut()
_LOGS = ("langsmith.client", "langsmith.evaluation._arunner")


@contextmanager
def told_once() -> Iterator[None]:
    """Keep the library's log of lost traces and scores back, where the caller tells of it himself.

    The library logs every failed try with all its causes: hundreds of lines for one dead endpoint.
    """
    log = logging.getLogger("langsmith")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


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
        said = {key: anonymiser(run[key]) for key in _SAYING if run.get(key) is not None}
        told = {key: mask_about(run[key]) for key in _TELLING if run.get(key) is not None}
        if run.get("error") is not None:
            told["error"] = mask_error(str(run["error"]))
        if run.get("events"):  # not the words of an answer, as they came
            told["events"] = [{key: str(one.get(key)) for key in _EVENT} for one in run["events"]]
        cleaned.append({**run, **said, **told})
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
        anonymiser: what inputs and outputs go through; None sends all as it is.
        connect_ms: time to connect.
        read_ms: time to answer.
    """
    for name in _LOGS:
        logging.getLogger(name).addFilter(_KEYS_OUT)
    _KEYS_OUT.again()
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
def traced(
    client: Client, project: str, parent: RunTree | None = None, **metadata: str
) -> Iterator[None]:
    """Send traces of everything inside to a project by this client alone.

    Neither the environment's tracing nor that of a caller who traces himself sees what is inside.

    Args:
        client: from `langsmith_client`.
        project: where traces go.
        parent: the run that everything inside belongs to.
        metadata: of all runs inside.
    """
    with (
        _apart(alone=True),
        tracing_context(
            enabled=True,
            client=client,
            project_name=project,
            parent=parent or False,
            metadata=dict(metadata),
            replicas=[],
        ),
    ):
        yield


@contextmanager
def untraced() -> Iterator[None]:
    """Send nothing from inside, whatever the environment says and whoever traces the caller."""
    with _apart(alone=False), tracing_context(enabled=False, parent=False):
        yield


@contextmanager
def _apart(*, alone: bool) -> Iterator[None]:
    """Take the tracers away that runs inside would inherit; `alone`, they have no parent either."""
    config = var_child_runnable_config.get()
    callbacks = None if config is None else config.get("callbacks")
    tracer = tracing_v2_callback_var.set(None)
    token = None
    if config is not None and callbacks:
        kept = cast(RunnableConfig, {**config, "callbacks": _silent(callbacks, alone=alone)})
        token = var_child_runnable_config.set(kept)
    try:
        yield
    finally:
        if token is not None:
            var_child_runnable_config.reset(token)
        tracing_v2_callback_var.reset(tracer)


def _silent(callbacks: Any, *, alone: bool) -> Any:
    if not isinstance(callbacks, BaseCallbackManager):
        return [one for one in callbacks if not isinstance(one, LangChainTracer)]
    kept = callbacks.copy()
    for name in ("handlers", "inheritable_handlers"):
        heard = [one for one in getattr(kept, name) if not isinstance(one, LangChainTracer)]
        setattr(kept, name, heard)
    if alone:
        kept.parent_run_id = None
    return kept
