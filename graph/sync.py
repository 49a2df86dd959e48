"""The application for callers without an event loop: one loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from langchain_core.language_models import BaseChatModel

from re2llm.catalog.items import Item
from re2llm.catalog.sessions import Session
from re2llm.graph.app import Re2LLM
from re2llm.graph.slate import Outcome, Slate
from re2llm.settings import Settings

T = TypeVar("T")


class SyncRe2LLM:
    """`Re2LLM` without `await`; safe from several threads. Use it as a context manager."""

    def __init__(
        self, settings: Settings | None = None, *, chat_model: BaseChatModel | None = None
    ) -> None:
        """Open a workspace; see `Re2LLM.open`."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="re2llm", daemon=True)
        self._thread.start()
        try:
            self.app = self._wait(Re2LLM.open(settings, chat_model=chat_model))
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def recommend(
        self,
        session: Sequence[str] = (),
        *,
        request: str | None = None,
        k: int | None = None,
        candidates: Sequence[str] | None = None,
        filters: dict[str, object] | None = None,
        hint: str = "policy",
    ) -> Slate:
        """Make a slate; see `Re2LLM.recommend`."""
        return self._wait(
            self.app.recommend(
                session, request=request, k=k, candidates=candidates, filters=filters, hint=hint
            )
        )

    def feedback(self, slate_id: str, *, chosen: str | None, source: str | None = None) -> Outcome:
        """Tell what the shopper took; see `Re2LLM.feedback`."""
        return self._wait(self.app.feedback(slate_id, chosen=chosen, source=source))

    def upsert_items(self, items: Sequence[Item | Mapping[str, object]]) -> list[str]:
        """Put items in; see `Re2LLM.upsert_items`."""
        return self._wait(self.app.upsert_items(items))

    def remove_items(self, item_ids: Sequence[str]) -> list[str]:
        """Take items out of sale; see `Re2LLM.remove_items`."""
        return self._wait(self.app.remove_items(item_ids))

    def add_sessions(self, sessions: Sequence[Session | Mapping[str, object]]) -> int:
        """Learn from sessions; see `Re2LLM.add_sessions`."""
        return self._wait(self.app.add_sessions(sessions))

    def close(self) -> None:
        """Let go of files, locks and the thread; closing twice does nothing."""
        if self._loop.is_closed():
            return
        self._wait(self.app.aclose())
        self._stop()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
