"""The answers that need no slate: about shown items, about the memory, and small talk."""

from dataclasses import dataclass, replace

from re2llm.catalog.items import Catalog
from re2llm.service.chat import say
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.state import ChatState, shown
from re2llm.service.chat.understood import Act, Understood

_SAID = {
    Act.THANK: "You are welcome. Tell me when you look for something else.",
    Act.HOSTILE: "I am sorry that this did not help. Tell me what to change, and I will try again. "
    + say.HELP,
    Act.UNDO: "I cannot take that back from here: your cart and the shop can. What you look for, and "
    "its limits, you can change at any time. " + say.HELP,
    Act.OFF_TOPIC: "I can only help you find items of this shop and tell what its catalogue says "
    "of them. " + say.HELP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer from the facts at hand; nothing is made up."""

    catalog: Catalog

    def __call__(self, state: ChatState) -> ChatState:
        """Write the answer."""
        memory = Memory.from_json(state.get("memory"))
        understood = Understood.model_validate(state["understood"])
        match understood.act:
            case Act.EXPLAIN:
                return self._explain(state, memory, understood)
            case Act.RECALL:
                anchor = self.catalog.get(memory.anchor) if memory.anchor else None
                return {"answer": say.recall_text(memory, anchor)}
            case Act.RESET:
                return {
                    "answer": "Forgotten. " + (say.HELP if memory.asked else say.ASK),
                    "cards": [],
                    "notes": {},
                    "slate_id": None,
                    "memory": replace(memory, asked=True).to_json(),
                }
            case Act.UNCLEAR if understood.beyond:
                count = len(state.get("cards", []))
                there = f"are only {count} items" if count > 1 else "is only one item"
                return {"answer": f"There {there} above. Which one do you mean?"}
            case Act.OFF_TOPIC if understood.fact:
                silent = f"The catalogue does not say anything about “{understood.fact}”; "
                return {"answer": silent + "please ask the shop itself. " + say.HELP}
            case Act.THANK | Act.HOSTILE | Act.OFF_TOPIC | Act.UNDO:
                return {"answer": _SAID[understood.act]}
        if understood.act is Act.HELP:
            return {"answer": say.HELP}
        if not (memory.asked or state.get("cards") or not memory.empty):
            lead = "Hello. " if understood.act is Act.GREET else ""
            if limits := say.limits_text(memory):
                lead = f"Noted: {limits}. "
            if understood.unknown:
                lead = say.unknown_text(understood.unknown) + " "
            return {
                "answer": lead + say.ASK,
                "memory": replace(memory, asked=True).to_json(),
            }
        lead = "Hello again. " if understood.act is Act.GREET else "I did not understand that. "
        if understood.unknown:
            lead = say.unknown_text(understood.unknown) + " "
        return {"answer": lead + say.HELP}

    def _explain(self, state: ChatState, memory: Memory, understood: Understood) -> ChatState:
        cards = shown(state, self.catalog)
        places = [place for place in understood.cards if place <= len(cards)]
        meant = [(place, cards[place - 1]) for place in places or range(1, len(cards) + 1)]
        if len(meant) == 1:
            memory = replace(memory, focus=meant[0][1].item_id)
        text = say.explain_text(meant, understood.fact or "", state.get("notes", {}))
        return {"answer": text, "memory": memory.to_json()}
