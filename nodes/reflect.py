"""Last step, after an error: what went wrong, and which advice would have helped."""

import asyncio
import hashlib
import json
from dataclasses import dataclass, replace

from langgraph.runtime import Runtime

from re2llm.catalog.items import Catalog
from re2llm.kb_store.quota import ReflectionQuota
from re2llm.llm.reflection import Failure
from re2llm.nodes.context import Context, served_tenant
from re2llm.nodes.protocols import Admission, Examples, Reflector
from re2llm.nodes.reading import rank_task, usage_entry
from re2llm.nodes.state import NewHint, State

_KEPT = ("slate_id", "session", "request", "k", "candidates", "hint", "ranking", "feedback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflect:
    """Ask for hints and let admission decide which enter the knowledge base.

    Safe to run twice: a hint's id comes from its words, and admission inserts or replaces by id.

    Attributes:
        quota: how often feedback may cost a reflection; None means always.
        examples: rankings that were right, to be compared with.
    """

    catalog: Catalog
    reflector: Reflector
    admission: Admission
    quota: ReflectionQuota | None = None
    examples: Examples | None = None

    async def __call__(self, state: State, runtime: Runtime[Context]) -> State:
        """Write what was proposed and what became of it, or that it is postponed."""
        feedback = state.get("feedback")
        target = feedback["chosen"] if feedback else None
        if feedback is None or target is None or target not in state["ranking"]["items"]:
            return {"notices": {"reflect": ["the chosen item was no candidate; nothing to learn"]}}
        runtime.stream_writer({"step": "reflect", "target": target})
        tenant = served_tenant(state, runtime)
        if self.quota is not None:
            what = _kept(state)
            reason = await asyncio.to_thread(
                self.quota.take,
                state.get("slate_id") or hashlib.sha256(what.encode()).hexdigest(),
                tenant=tenant,
                source=feedback.get("session") or feedback.get("source", ""),
                what=what,
            )
            if reason is not None:
                return {"notices": {"reflect": [f"reflection is postponed: {reason}"]}}
        learnt = await self.learn(state, tenant=tenant)
        runtime.stream_writer({"step": "reflect", "new_hints": learnt["new_hints"]})
        return learnt

    async def learn(self, state: State, *, tenant: str) -> State:
        """Reflect on a state with feedback for a candidate, whatever the quota says."""
        feedback = state.get("feedback")
        if feedback is None or feedback["chosen"] is None:
            raise ValueError("there is no feedback to reflect on")
        failure = Failure(
            task=rank_task(state, self.catalog),
            order=tuple(state["ranking"]["items"]),
            target=feedback["chosen"],
        )
        if self.examples is not None:
            failure = replace(failure, success=self.examples.like(failure))
        reflection = await self.reflector.reflect(failure)
        hints = await self.admission.admit(
            failure, reflection, tenant=tenant, source=feedback.get("source", "")
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
        return {
            "new_hints": new_hints,
            "usage": {"reflect": usage_entry(reflection.usage)},
            "notices": {
                "reflect": [f"reflect: {reflection.degraded}"] if reflection.degraded else []
            },
        }


def _kept(state: State) -> str:
    """Write down what reflection needs of a state; equal for the same feedback on equal slates."""
    kept = {key: state[key] for key in _KEPT if key in state}  # type: ignore[literal-required]
    kept["feedback"] = {name: said for name, said in kept["feedback"].items() if name != "slate"}
    return json.dumps(kept)
