"""Everything that a route needs, opened once per process."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from re2llm.database import Database, DatabaseUnavailable
from re2llm.graph.app import Re2LLM
from re2llm.kb_store.errors import IndexUnavailable
from re2llm.service.asked import Asked
from re2llm.service.chat.assembly import check_reader
from re2llm.service.claims import Claims
from re2llm.service.conversation import ChatFeedback, Conversations
from re2llm.service.feedback import FeedbackDesk
from re2llm.service.gate import caller_of
from re2llm.service.keys import Caller
from re2llm.service.meters import Meters
from re2llm.service.options import ServeSettings
from re2llm.service.recommend import Recommender
from re2llm.service.records import RECORDS, open_records
from re2llm.service.replies import Replies
from re2llm.service.schemas import RecommendIn
from re2llm.service.sessions import SessionRecord, Sessions
from re2llm.service.slates import Slates
from re2llm.service.turns import Turns
from re2llm.service.upkeep import Chore, in_thread
from re2llm.service.withdrawn import Withdrawn

_LOOK = 5.0
"""Seconds between two looks whether training has put something new in the workspace."""


@dataclass(slots=True, kw_only=True)
class Front:
    """The opened service; conversations are there once it has started."""

    app: Re2LLM
    settings: ServeSettings
    database: Database
    sessions: Sessions
    slates: Slates
    replies: Replies
    withdrawn: Withdrawn
    recommender: Recommender
    feedback: FeedbackDesk
    claims: Claims
    meters: Meters
    root: Path
    _chats: Conversations | None = None

    @property
    def chats(self) -> Conversations:
        """The conversations."""
        if self._chats is None:
            raise RuntimeError("the service has not started")
        return self._chats

    @classmethod
    def open(cls, app: Re2LLM, settings: ServeSettings, root: Path) -> "Front":
        """Open the service's records in a workspace around an opened application.

        Raises:
            UserError: the records cannot be opened, or nothing is there to read messages.
        """
        check_reader(app.parts)
        database = open_records(root / RECORDS, url=app.parts.settings.database)
        slates = Slates(database)
        claims = Claims(database=database, lease=settings.lease)
        patience = 2 * settings.time_limit
        return cls(
            app=app,
            settings=settings,
            database=database,
            sessions=Sessions(database),
            slates=slates,
            replies=Replies(database=database, claims=claims, patience=patience),
            withdrawn=Withdrawn(database),
            recommender=Recommender(app=app, slates=slates),
            feedback=FeedbackDesk(app=app, slates=slates, claims=claims),
            claims=claims,
            meters=Meters(),
            root=root,
        )

    async def start(self, stack: AsyncExitStack) -> None:
        """Go on with what was interrupted; end it in order when the stack unwinds."""
        stack.callback(self.database.close)
        shared = self.app.parts.settings.shared
        if not shared:
            await asyncio.to_thread(self.claims.clear)
        await asyncio.to_thread(self.claims.live)
        stack.callback(self._leave)
        self._chats = await Conversations.open(
            self.app,
            self.recommender,
            ChatFeedback(sessions=self.sessions, desk=self.feedback),
            Turns(database=self.database, claims=self.claims),
            self.claims if shared else None,
            self.root,
            stack,
        )
        stack.push_async_callback(self.feedback.drain, float(self.settings.drain))
        stack.push_async_callback(self._chats.drain, float(self.settings.drain))
        await self._take_up()
        for chore in self._chores():
            stack.callback(asyncio.create_task(chore.keep_doing()).cancel)

    def _chores(self) -> list[Chore]:
        lease = self.settings.lease
        return [
            Chore(name="telling that it lives", every=lease / 3, work=in_thread(self.claims.live)),
            Chore(name="taking up what others left", every=lease / 2, work=self._take_up),
            Chore(name="catching up", every=lease / 2, work=self.feedback.catch_up),
            Chore(name="looking after the hints", every=3600, work=self.feedback.look_after),
            Chore(name="the hints' index", every=lease / 3, work=in_thread(self._mend)),
            Chore(name="looking for a new policy", every=_LOOK, work=self.app.renew),
            Chore(name="forgetting what is old", every=300, work=in_thread(self._forget)),
        ]

    def _mend(self) -> None:
        with suppress(IndexUnavailable):  # still away: the next round tries again
            self.app.parts.store.mend()

    async def _take_up(self) -> None:
        await self.feedback.resume()
        await self.chats.resume()

    def _forget(self) -> None:
        self.replies.forget()
        self.claims.forget()

    def _leave(self) -> None:
        with suppress(DatabaseUnavailable):  # the lease ends by itself
            self.claims.end()

    async def session(self, caller: Caller, session_id: str) -> SessionRecord:
        """Return a session of the caller's tenant; raises `Problem` 404."""
        return await asyncio.to_thread(self.sessions.read, caller.tenant, session_id)

    async def asked(self, caller: Caller, body: RecommendIn) -> Asked:
        """Join what a request says with what its session holds; raises `Problem` 404."""
        known, gone = await asyncio.to_thread(self._known, caller.tenant, body.session_id)
        return Asked(
            session=(*(known.items if known else ()), *body.session),
            session_id=body.session_id,
            request=body.request,
            k=body.k or self.app.parts.settings.k,
            filters=without(body.filters, [*gone, *(known.skipped if known else ())]),
            candidates=None if body.candidates is None else tuple(body.candidates),
            hint=body.hint,
        )

    def _known(self, tenant: str, session_id: str | None) -> tuple[SessionRecord | None, list[str]]:
        """Return a session, where one is named, and the tenant's withdrawn items. Blocking."""
        known = None if session_id is None else self.sessions.read(tenant, session_id)
        return known, self.withdrawn.of(tenant)

    def title(self, item_id: str) -> str:
        """Return an item's title, or its id where it left the catalogue."""
        item = self.app.parts.catalog.get(item_id)
        return item.title if item else item_id


def without(filters: dict[str, object] | None, item_ids: Sequence[str]) -> dict[str, object] | None:
    """Return the filters with these items excluded as well."""
    if not item_ids:
        return filters
    named = (filters or {}).get("exclude_ids", [])
    if not isinstance(named, list):
        return filters
    return {**(filters or {}), "exclude_ids": [*named, *item_ids]}


async def _front(request: Request) -> Front:  # async, since others are run in a thread each
    front = request.app.state.front
    if not isinstance(front, Front):
        raise TypeError("the service is not open")
    return front


async def _caller(request: Request) -> Caller:
    return caller_of(request.scope)


FrontDep = Annotated[Front, Depends(_front)]
CallerDep = Annotated[Caller, Depends(_caller)]
