"""Which drafts become hints: form, leak, redundancy and effect, in this order, all recorded."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from re2llm.kb_store.drafts import fingerprint, written
from re2llm.kb_store.effect import Trial
from re2llm.kb_store.form import form_fault, tidy
from re2llm.kb_store.hint import Hint, Provenance, Status
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.redundancy import Redundancy
from re2llm.kb_store.store import HintStore
from re2llm.kb_store.trying import compared, tried
from re2llm.kb_store.verdict import AdmissionRules, verdict
from re2llm.llm.reflection import Failure, HintDraft, Reflection

__all__ = ["AdmissionRules", "HintAdmission", "Writer"]

_RANK = {Status.CANDIDATE: 0, Status.SHADOW: 1, Status.ACTIVE: 2}
_KNOWN = (Status.ACTIVE, Status.SHADOW, Status.CANDIDATE, Status.DISABLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who proposes hints, for the record: `explore` or `feedback`, the model and its prompt."""

    source: str
    model: str = ""
    prompt_version: str = ""


class HintAdmission:
    """Decides over drafts and enters them; implements the steps' `Admission`."""

    def __init__(
        self,
        store: HintStore,
        *,
        leak: LeakFilter,
        redundancy: Redundancy,
        trial: Trial,
        writer: Writer,
        rules: AdmissionRules | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Join the checks.

        Args:
            store: where every draft ends up, refused ones too.
            leak: knows the catalogue's names.
            redundancy: finds a hint that says the same, in the same store.
            trial: measures a hint.
            writer: where the drafts come from.
            rules: what is asked of a hint.
            clock: seconds since 1970.
        """
        self._store = store
        self._leak = leak
        self._redundancy = redundancy
        self._trial = trial
        self._writer = writer
        self._rules = rules or AdmissionRules()
        self._clock = clock
        self._entering = asyncio.Lock()

    async def admit(
        self, failure: Failure, reflection: Reflection, *, tenant: str, source: str = ""
    ) -> Sequence[Hint]:
        """Return every draft as a hint with its status and reason; refused ones included.

        Admitting the same reflection again costs no second trial where the drafts were decided, and
        never moves a hint backwards.

        Args:
            failure: the ranking that missed.
            reflection: what the model wrote about it.
            tenant: whose knowledge base.
            source: who gave the feedback, opaque; without it each session is its own source.
        """
        hints: dict[str, Hint] = {}
        for draft in reflection.drafts:
            hint = await self._decide(draft, failure, tenant, source)
            hints[hint.hint_id] = hint
        return list(hints.values())

    async def _decide(self, draft: HintDraft, failure: Failure, tenant: str, source: str) -> Hint:
        hint = self._written(draft, failure, tenant)
        session = hint.provenance.session_id
        source = source or session
        text = tidy(draft.text)
        if fault := form_fault(text, self._rules.form) or self._leak.fault(text, failure):
            return await self._enter(replace(hint, status=Status.REFUSED, reason=fault))
        old = await asyncio.to_thread(self._store.get, hint.hint_id, tenant=tenant)
        if old is not None:
            if old.status is Status.ACTIVE:
                await self._support(old, source)
            decided = old.status in (Status.ACTIVE, Status.DISABLED, Status.RETIRED)
            again = old.provenance.session_id == session and old.text == hint.text
            if decided or (old.status is Status.REFUSED and again):
                return old
        twin = await self._twin(hint)
        if twin is not None and (fault := self._bound(twin)):
            return await self._enter(replace(hint, status=Status.REFUSED, reason=fault))
        tries = await self._tries(old)
        hint = await tried(hint, failure, twin, trial=self._trial, rules=self._rules, tries=tries)
        async with self._entering:
            hint = await self._compared(hint, failure, twin, tries)
            return await self._join(hint, source)

    def _written(self, draft: HintDraft, failure: Failure, tenant: str) -> Hint:
        provenance = Provenance(
            source=self._writer.source,
            session_id=fingerprint(failure),
            model=self._writer.model,
            prompt_version=self._writer.prompt_version,
            created=self._clock(),
        )

        def leaks(words: str) -> bool:
            return self._leak.fault(words, failure) is not None

        def masked(words: str) -> str:
            return self._leak.masked(words, failure)

        form = self._rules.form
        return written(draft, tenant, provenance, form=form, leaks=leaks, masked=masked)

    def _bound(self, twin: Hint) -> str | None:
        if twin.status is Status.DISABLED:
            return f"says the same as {twin.hint_id}, which a person switched off"
        if twin.status is Status.ACTIVE and not self._rules.challenge:
            return f"says the same as {twin.hint_id}"
        return None

    async def _tries(self, old: Hint | None) -> int:
        """Number this trial among those that the hint did not pass; each left a supporter."""
        if old is None or old.evidence.sessions == 0:
            return 1
        if old.status is Status.SHADOW and verdict(old.evidence, self._rules)[0] is Status.ACTIVE:
            return 1
        return 1 + await asyncio.to_thread(self._store.supporters, old.hint_id, tenant=old.tenant)

    async def _compared(self, hint: Hint, failure: Failure, twin: Hint | None, tries: int) -> Hint:
        """Measure a hint that passed against those in use, which no other can join meanwhile."""
        if hint.status is not Status.ACTIVE:
            return hint
        active = await asyncio.to_thread(
            self._store.hints, tenant=hint.tenant, status=[Status.ACTIVE]
        )
        besides = {hint.hint_id, twin.hint_id if twin else ""}
        others = [other for other in active if other.hint_id not in besides]
        return await compared(
            hint, failure, others, trial=self._trial, rules=self._rules, tries=tries
        )

    async def _join(self, hint: Hint, source: str) -> Hint:
        """Enter a tried hint, as things are now that no other one can be entered."""
        old = await asyncio.to_thread(self._store.get, hint.hint_id, tenant=hint.tenant)
        helped = hint.evidence.own_gain > 0
        if old is not None and old.status is not Status.REFUSED:
            if _RANK.get(hint.status, -1) <= _RANK.get(old.status, len(_RANK)):
                return await self._seconded(old, source) if helped else old
            hint = replace(hint, provenance=old.provenance)
        elif hint.status is not Status.REFUSED and (twin := await self._twin(hint)) is not None:
            return await self._displace(hint, twin, source)
        if hint.status is Status.ACTIVE and self._rules.sources > 1:
            held = replace(hint, status=Status.SHADOW, reason=self._lonely(1))
            if old is None or old.status is not Status.SHADOW:
                await self._enter(held)
            supporters = await self._support(held, source)
            if supporters < self._rules.sources:
                hint = replace(held, reason=self._lonely(supporters))
        await self._enter(hint)
        if helped:
            await self._support(hint, source)
        return hint

    async def _seconded(self, old: Hint, source: str) -> Hint:
        """Note that a source was helped too; one that only wanted for sources becomes active."""
        supporters = await self._support(old, source)
        rules = self._rules
        if old.status is not Status.SHADOW or supporters < rules.sources:
            return old
        status, reason = verdict(old.evidence, rules)
        if status is not Status.ACTIVE:
            return old
        return await self._enter(replace(old, status=status, reason=reason))

    async def _displace(self, hint: Hint, twin: Hint, source: str) -> Hint:
        supporters = await self._support(twin, source)
        worse = hint.evidence.low < twin.evidence.low + self._rules.margin
        kept = twin.provenance.source == "person" or (twin.status is Status.ACTIVE and worse)
        fault = self._bound(twin)
        if fault is None and hint.status is Status.CANDIDATE:
            fault = f"says the same as {twin.hint_id}; {hint.reason}"
        if fault is None and (kept or hint.status is not Status.ACTIVE):
            fault = f"says the same as {twin.hint_id}, and no better"
        if fault is None and supporters < self._rules.sources:
            fault = f"says the same as {twin.hint_id}; {self._lonely(supporters)}"
        if fault is not None:
            return await self._enter(replace(hint, status=Status.REFUSED, reason=fault))
        heir = replace(hint, provenance=replace(hint.provenance, parent=twin.hint_id))
        gone = f"{heir.hint_id} says the same, and better"
        retired = replace(twin, status=Status.RETIRED, reason=gone)
        await asyncio.to_thread(
            self._store.put_all, [heir, retired], by=self._writer.source, why=heir.reason
        )
        await self._support(heir, source)
        return heir

    def _lonely(self, supporters: int) -> str:
        return (
            f"helps, but only {supporters} of {self._rules.sources} independent sources led to it"
        )

    async def _twin(self, hint: Hint) -> Hint | None:
        return await self._redundancy.twin(
            hint.text, tenant=hint.tenant, status=_KNOWN, besides=hint.hint_id
        )

    async def _enter(self, hint: Hint) -> Hint:
        """Write the hint, unless that would refuse what stands already."""
        old = await asyncio.to_thread(self._store.get, hint.hint_id, tenant=hint.tenant)
        if hint.status is Status.REFUSED and old is not None and old.status in _KNOWN:
            return old
        by = self._writer.source
        await asyncio.to_thread(self._store.put, hint, by=by, why=hint.reason)
        return hint

    async def _support(self, hint: Hint, source: str) -> int:
        return await asyncio.to_thread(
            self._store.support, hint.hint_id, source, tenant=hint.tenant
        )
