"""Second step: which hint, if any, this session is asked with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from langgraph.runtime import Runtime

from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.items import Catalog
from re2llm.errors import UserError
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import HintStore
from re2llm.nodes.context import Context, knobs
from re2llm.nodes.protocols import HintPolicy, Shortlisting
from re2llm.nodes.reading import candidates, session_items
from re2llm.nodes.state import HintChoice, State
from re2llm.one_hop import Hop
from re2llm.policy.choice import Choice
from re2llm.policy.features import session_features

USABLE = (Status.ACTIVE, Status.SHADOW, Status.CANDIDATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectHint:
    """Let the policy choose among the eligible hints, or obey the caller's choice.

    Policies learn from sessions that have items; where there is none yet, they are not asked.

    Attributes:
        policy: of the tenant that this process is for.
        tenant: that tenant; it is meant where a run names none.
        limit: how many hints a choice is made from. Where there are more, the policy itself
            narrows them down to the ones that it thinks most of in this session; one that cannot
            gets those whose words are nearest to the session.
        others: finds the policies of other tenants; None for the one that `policy` is of.
        off_loop: how blocking work leaves the event loop.
    """

    catalog: Catalog
    store: HintStore
    policy: HintPolicy
    encoder: TextEncoder
    tenant: str = "default"
    limit: int = 256
    others: Callable[[str], HintPolicy | None] = lambda _: None
    off_loop: Hop = asyncio.to_thread

    async def __call__(self, state: State, runtime: Runtime[Context]) -> State:
        """Write the choice with its propensity, and for whom it was made.

        Raises:
            UserError: the caller asked for a hint that this tenant does not have, or that is off.
        """
        context = knobs(runtime)
        tenant = context.tenant or self.tenant
        if not state.get("candidates"):
            return {"tenant": tenant, "hint": _no_hint("nothing to rank")}
        if context.hint == "none":
            return {"tenant": tenant, "hint": _no_hint("asked for")}
        choice = await self.off_loop(self._choose, state, tenant, context.hint)
        runtime.stream_writer({"step": "select_hint", "hint": choice["text"]})
        return {"tenant": tenant, "hint": choice}

    def _choose(self, state: State, tenant: str, wanted: str) -> HintChoice:
        if wanted != "policy":
            hint = self.store.get(wanted, tenant=tenant)
            if hint is None or hint.status not in USABLE:
                what = "unknown" if hint is None else str(hint.status)
                raise UserError(
                    f"hint {wanted!r} is {what}; `re2llm hints list` shows the usable ones"
                )
            forced = Choice(hint_id=hint.hint_id, propensity=1.0, gain=None, version="asked for")
            return _entry(forced, hint, [hint.hint_id])
        session = session_items(state, self.catalog)
        if not session:
            return _no_hint("no session to judge by")
        policy = self.others(tenant) or self.policy
        if not self.store.eligible(tenant=tenant, limit=1).hints:
            return _no_hint(policy.version)
        features = session_features(session, candidates(state, self.catalog), state.get("request"))
        if isinstance(policy, Shortlisting):
            eligible = self.store.eligible(tenant=tenant)
            if len(eligible.hints) > self.limit:
                eligible = policy.shortlist(features, eligible, self.limit)
        else:
            words = [item.title for item in session[-5:]] + [state.get("request") or ""]
            near = self.encoder.encode([" ".join(words)])[0]
            eligible = self.store.eligible(tenant=tenant, near=near, limit=self.limit)
        choice = policy.choose(features, eligible)
        by_id = {hint.hint_id: hint for hint in eligible.hints}
        chosen = None if choice.hint_id is None else by_id[choice.hint_id]
        entry = _entry(choice, chosen, list(by_id))
        if choice.also:
            texts = {None: None} | {hint.hint_id: hint.text for hint in eligible.hints}
            entry["also"] = [{"hint_id": one, "text": texts[one]} for one in choice.also]
        return entry


def _entry(choice: Choice, hint: Hint | None, eligible: list[str]) -> HintChoice:
    return {
        "hint_id": choice.hint_id,
        "text": hint.text if hint else None,
        "propensity": choice.propensity,
        "policy": choice.version,
        "eligible": eligible,
        "gain": choice.gain,
    }


def _no_hint(why: str) -> HintChoice:
    return _entry(Choice(hint_id=None, propensity=1.0, gain=None, version=why), None, [])
