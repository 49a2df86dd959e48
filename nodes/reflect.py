"""Last step, after an error: what went wrong, and which advice would have helped."""

from dataclasses import dataclass

from langgraph.runtime import Runtime

from re2llm.catalog.items import Catalog
from re2llm.llm.reflection import Failure
from re2llm.nodes.context import Context, knobs
from re2llm.nodes.protocols import Admission, Reflector
from re2llm.nodes.reading import rank_task, usage_entry
from re2llm.nodes.state import NewHint, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflect:
    """Ask for hints and let admission decide which enter the knowledge base.

    Safe to run twice: a hint's id comes from its words, and admission inserts or replaces by id.
    """

    catalog: Catalog
    reflector: Reflector
    admission: Admission

    async def __call__(self, state: State, runtime: Runtime[Context]) -> State:
        """Write what was proposed and what became of it."""
        feedback = state.get("feedback")
        target = feedback["chosen"] if feedback else None
        if target is None or target not in state["ranking"]["items"]:
            return {"notices": {"reflect": ["the chosen item was no candidate; nothing to learn"]}}
        runtime.stream_writer({"step": "reflect", "target": target})
        failure = Failure(
            task=rank_task(state, self.catalog),
            order=tuple(state["ranking"]["items"]),
            target=target,
        )
        reflection = await self.reflector.reflect(failure)
        hints = await self.admission.admit(
            failure,
            reflection,
            tenant=knobs(runtime).tenant,
            source=feedback.get("source", "") if feedback else "",
        )
        new_hints: list[NewHint] = [
            {
                "hint_id": hint.hint_id,
                "text": hint.text,
                "status": str(hint.status),
                "reason": hint.reason,
            }
            for hint in hints
        ]
        runtime.stream_writer({"step": "reflect", "new_hints": new_hints})
        return {
            "new_hints": new_hints,
            "usage": {"reflect": usage_entry(reflection.usage)},
            "notices": {
                "reflect": [f"reflect: {reflection.degraded}"] if reflection.degraded else []
            },
        }
