"""The later steps of a turn: recommend or take feedback, and write; answers are beside."""

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol

from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime

from re2llm.catalog.items import Catalog
from re2llm.nodes.context import own_context
from re2llm.service.asked import Asked, Served
from re2llm.service.chat import say
from re2llm.service.chat.fit import Fitted, Fitting, silent
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.picked import arranged, picked
from re2llm.service.chat.state import ChatContext, ChatState, shown
from re2llm.service.chat.understood import Act, Understood


class MakesSlates(Protocol):
    """Makes slates, as `re2llm.service.recommend.Recommender` does."""

    async def make(self, tenant: str, asked: Asked) -> Served:
        """Make one."""


class TakesFeedback(Protocol):
    """Takes feedback on a slate and works on it behind."""

    async def take(self, context: ChatContext, slate_id: str, chosen: str | None) -> bool:
        """Accept it; false where the slate has other feedback already."""

    async def note(self, context: ChatContext, kind: str, item_id: str, slate_id: str) -> None:
        """Note an event of the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommend:
    """Ask for a slate within every limit; what the shop lacks is given up aloud, limits never.

    Attributes:
        tenant: whose hints are used where a turn names nobody.
    """

    catalog: Catalog
    slates: MakesSlates
    fitting: Fitting
    tenant: str = "default"

    async def __call__(self, state: ChatState, runtime: Runtime[ChatContext]) -> ChatState:
        """Write the cards, or that there are none."""
        context = own_context(runtime.context, ChatContext)
        memory = Memory.from_json(state.get("memory"))
        understood = Understood.model_validate(state["understood"])
        act = understood.act
        others = act in (Act.MORE, Act.REJECT)
        seen = memory.shown if others else ()
        exclude = (*context.exclude, *seen, *((memory.anchor,) if memory.anchor else ()))
        memory, old = await asyncio.to_thread(
            self.fitting.without_old_words, memory, understood.words, exclude
        )
        state = {**state, "lead": [*state.get("lead", []), *say.left_out_text(old)]}
        fitted = await asyncio.to_thread(self.fitting.fit, memory, exclude, firm=others)
        if not fitted.possible:
            return self._nothing(state, memory, fitted, act)
        memory = fitted.memory
        session = (*context.session, *((memory.anchor,) if memory.anchor else ()))
        excluded = (*exclude, *fitted.unwanted)
        candidates = await asyncio.to_thread(
            picked,
            self.fitting.shelf,
            memory,
            session=[item_id for item_id in session if item_id in self.catalog],
            exclude=excluded,
            k=context.k,
        )
        served = await self.slates.make(
            context.tenant or self.tenant,
            Asked(
                session=session,
                session_id=context.session_id,
                request=memory.request(),
                k=context.k,
                filters=memory.filters(exclude=excluded),
                candidates=candidates,
            ),
        )
        items = [self.catalog[item_id] for item_id in served.slate.item_ids]
        items = arranged([item for item in items if memory.allows(item)], memory)
        if not items:
            return self._nothing(state, memory, fitted, act)
        kept = tuple(item.item_id for item in items)
        notes = {
            item.item_id: [*say.met_text(memory, item), *served.notes.get(item.item_id, ())]
            for item in items
        }
        notices = [*state.get("notices", []), *silent(memory, items)]
        if served.slate.degraded:
            notices.append("The ranking model did not answer, so these are in plain search order.")
        return {
            "memory": memory.seen(kept).to_json(),
            "cards": list(kept),
            "notes": notes,
            "slate_id": served.slate.id,
            "notices": notices,
            "lead": [*state.get("lead", []), *fitted.lead],
            "fresh": True,
            "hint": served.slate.hint,
            "hint_id": served.slate.hint_id,
        }

    def _nothing(self, state: ChatState, memory: Memory, fitted: Fitted, act: Act) -> ChatState:
        """Say so; what is shown stays only where it still is what was asked for."""
        text = say.nothing_text(
            memory,
            lead=[*state.get("lead", []), *state.get("notices", [])],
            anchor=self.catalog.get(memory.anchor) if memory.anchor else None,
            more=bool(memory.shown) and act in (Act.MORE, Act.REJECT),
            in_the_way=fitted.lead,
        )
        if act is Act.MORE:
            return {"answer": text}
        return {"answer": text, "cards": [], "notes": {}, "slate_id": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFeedback:
    """Pass on what was taken, liked or turned down."""

    catalog: Catalog
    feedback: TakesFeedback

    async def __call__(self, state: ChatState, runtime: Runtime[ChatContext]) -> ChatState:
        """Write the answer, and the memory with its focus moved."""
        context = own_context(runtime.context, ChatContext)
        memory = Memory.from_json(state.get("memory"))
        understood = Understood.model_validate(state["understood"])
        cards, slate_id = shown(state, self.catalog), state.get("slate_id")
        places = [place for place in understood.cards if place <= len(cards)]
        if not places or slate_id is None:
            return {"answer": "Which one do you mean? Say, for example, “the second one”."}
        place, item = places[0], cards[places[0] - 1]
        memory = replace(memory, focus=item.item_id)
        if understood.act is Act.LIKE:
            await self.feedback.note(context, "like", item.item_id, slate_id)
            return {"answer": say.liked_text(place, item), "memory": memory.to_json()}
        await self.feedback.note(context, "cart", item.item_id, slate_id)
        accepted = await self.feedback.take(context, slate_id, item.item_id)
        if memory.missed and memory.missed != slate_id:
            await self.feedback.take(context, memory.missed, item.item_id)
            memory = replace(memory, missed=None)
        text = say.taken_text(place, item)
        if not accepted:
            text += " You had taken something else from this list before; that stays on record."
        return {"answer": text, "memory": memory.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Write the answer, from the cards where there are new ones."""

    catalog: Catalog

    def __call__(self, state: ChatState) -> ChatState:
        """Add the assistant's message."""
        if state.get("answer"):
            text = state["answer"]
        else:
            memory = Memory.from_json(state.get("memory"))
            understood = Understood.model_validate(state["understood"])
            text = say.slate_text(
                shown(state, self.catalog),
                memory,
                lead=state.get("lead", []),
                anchor=self.catalog.get(memory.anchor) if memory.anchor else None,
                more=understood.act is Act.MORE,
                notices=state.get("notices", []),
            )
        return {"messages": [AIMessage(text)]}
