"""Which drafts become hints: form, leak, redundancy and effect, in this order, all recorded."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from re2llm.kb_store.effect import Trial, TrialUnavailable, evidence
from re2llm.kb_store.form import FormRules, form_fault, redacted, tidy
from re2llm.kb_store.hint import Evidence, Hint, Provenance, Status, hint_id
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.redundancy import Redundancy
from re2llm.kb_store.store import HintStore
from re2llm.llm.reflection import Failure, HintDraft, Reflection

_KNOWN = (Status.ACTIVE, Status.SHADOW, Status.CANDIDATE, Status.DISABLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRules:
    """What a hint must show before it may be used.

    A hint need not help everywhere, since the policy picks the sessions: its effect is measured on
    the session that failed and on held-out sessions like it.
    """

    sessions: int = 16
    """Similar held-out sessions in a full trial; each costs one call, and one more uncached."""
    pilot: int = 4
    """These are tried first; where the hint only does harm, the rest is not paid for."""
    min_sessions: int = 8
    """With fewer than this the hint becomes a shadow at most."""
    confidence: float = 0.9
    """One-sided, of the lower bound."""
    threshold: float = 0.0
    """What the lower bound of the mean gain must reach, in the metric's units."""
    margin: float = 0.01
    """By so much a duplicate's lower bound must beat the old one's to take its place."""
    challenge: bool = True
    """Whether a duplicate of an active hint is tried at all; off saves its calls."""
    sources: int = 1
    """So many independent sources must lead to a hint before it becomes active.

    1 fits exploration over one's own log; feedback from outside wants 2 or more.
    """
    form: FormRules = field(default_factory=FormRules)


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
        hints: list[Hint] = []
        for draft in reflection.drafts:
            hint = await self._decide(draft, failure, tenant, source)
            if hint.hint_id not in {other.hint_id for other in hints}:
                hints.append(hint)
        return hints

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
            if decided or (old.status is Status.REFUSED and old.provenance.session_id == session):
                return old
        twin = await self._twin(hint)
        if twin is not None and (fault := self._bound(twin)):
            await self._support(twin, source)
            return await self._enter(replace(hint, status=Status.REFUSED, reason=fault))
        hint = await self._tried(hint, failure)
        async with self._entering:
            return await self._join(hint, source)

    def _written(self, draft: HintDraft, failure: Failure, tenant: str) -> Hint:
        text = tidy(draft.text)
        if form_fault(text, self._rules.form) is not None:
            text = redacted(text)
        loose = FormRules(min_words=0, imperative=False, max_sentences=3)
        title, when = (
            "" if form_fault(words, loose) or self._leak.fault(words, failure) else words
            for words in (tidy(draft.title), tidy(draft.when))
        )
        return Hint(
            hint_id=hint_id(text, tenant),
            text=text,
            title=title,
            when=when,
            tenant=tenant,
            provenance=Provenance(
                source=self._writer.source,
                session_id=_fingerprint(failure),
                model=self._writer.model,
                prompt_version=self._writer.prompt_version,
                created=self._clock(),
            ),
        )

    def _bound(self, twin: Hint) -> str | None:
        if twin.status is Status.DISABLED:
            return f"says the same as {twin.hint_id}, which a person switched off"
        if twin.status is Status.ACTIVE and not self._rules.challenge:
            return f"says the same as {twin.hint_id}"
        return None

    async def _tried(self, hint: Hint, failure: Failure) -> Hint:
        rules = self._rules
        try:
            own = await self._trial.own_gain(failure, hint.text)
            if not math.isfinite(own):
                raise TrialUnavailable("the gain on the failed session is no number")
            gains: Sequence[float] = ()
            if own > 0 and rules.sessions > 0:
                gains = await self._trial.similar_gains(
                    failure, hint.text, min(rules.pilot, rules.sessions)
                )
                if not gains or max(gains) > 0 or min(gains) >= 0:
                    gains = await self._trial.similar_gains(failure, hint.text, rules.sessions)
        except TrialUnavailable as error:
            return replace(hint, status=Status.CANDIDATE, reason=f"not tried yet: {error}")
        seen = evidence(own, gains, rules.confidence)
        status, reason = verdict(seen, rules)
        return replace(hint, status=status, reason=reason, evidence=seen)

    async def _join(self, hint: Hint, source: str) -> Hint:
        """Enter a tried hint, as things are now that no other one can be entered."""
        old = await asyncio.to_thread(self._store.get, hint.hint_id, tenant=hint.tenant)
        if hint.status is Status.REFUSED:
            return await self._enter(hint)
        twin = await self._twin(hint)
        if twin is not None:
            return await self._displace(hint, twin, source)
        if old is None or old.status is Status.REFUSED:
            entered = hint
            if hint.status is Status.ACTIVE and self._rules.sources > 1:
                entered = replace(hint, status=Status.SHADOW, reason=self._lonely(1))
            hint_now = await self._enter(entered)
            await self._support(hint_now, source)
            return hint_now
        supporters = await self._support(old, source)
        if hint.status is not Status.ACTIVE:
            return old
        if supporters < self._rules.sources:
            hint = replace(hint, status=Status.SHADOW, reason=self._lonely(supporters))
        return await self._enter(replace(hint, provenance=old.provenance))

    async def _displace(self, hint: Hint, twin: Hint, source: str) -> Hint:
        supporters = await self._support(twin, source)
        worse = hint.evidence.low < twin.evidence.low + self._rules.margin
        kept = twin.provenance.source == "person" or (twin.status is Status.ACTIVE and worse)
        fault = self._bound(twin)
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


def verdict(seen: Evidence, rules: AdmissionRules) -> tuple[Status, str]:
    """Say what a trial's evidence makes of a hint, and why."""
    words = (
        f"gain {seen.own_gain:+.3f} on the failed session, {seen.gain:+.3f} on {seen.sessions}"
        f" similar ones (at least {seen.low:+.3f})"
    )
    if seen.own_gain <= 0:
        return Status.REFUSED, f"does not help on the failed session ({seen.own_gain:+.3f})"
    if seen.sessions == 0:
        return Status.CANDIDATE, "helps on the failed session; there was no similar one to try"
    if seen.gain <= 0:
        return Status.REFUSED, f"does not help on similar sessions: {words}"
    if seen.low < rules.threshold or seen.sessions < rules.min_sessions:
        return Status.SHADOW, f"promising, on thin evidence: {words}"
    return Status.ACTIVE, f"admitted: {words}"


def _fingerprint(failure: Failure) -> str:
    """Name a session without telling it."""
    said = "\0".join(item.item_id for item in failure.task.session)
    return "s" + hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:15]
