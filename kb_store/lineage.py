"""How one hint comes out of others: merged out of two that overlap, and traced back."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from re2llm.kb_store.form import FormRules, form_fault, redacted, tidy
from re2llm.kb_store.hint import Evidence, Hint, Provenance, Status, hint_id
from re2llm.kb_store.store import HintStore, known_hint


class Merger(Protocol):
    """Writes one hint that says what two say; a language model's work."""

    async def merge(self, a: str, b: str) -> str | None:
        """Return the text, or None where there is no usable answer."""


async def merge(
    store: HintStore,
    a_id: str,
    b_id: str,
    merger: Merger,
    measure: Callable[[str], Awaitable[Evidence]],
    *,
    by: str,
    tenant: str = "default",
    form: FormRules | None = None,
    leak: Callable[[str], str | None] | None = None,
) -> Hint | None:
    """Put one hint in the place of two that overlap, where it is measured to be no worse.

    Where the text is one parent's own, that one stays, with its evidence and counts, and takes the
    other's place.

    Args:
        store: holds both.
        a_id: one of them.
        b_id: the other.
        merger: writes the new text.
        measure: tries a text on sessions that matter to both parents; both of them are measured by
            it as well, so that like is compared with like.
        by: for the record.
        tenant: whose hints.
        form: what a hint may look like.
        leak: says what a text gives away, or None.

    Returns:
        The new hint: active, with the better parent as its parent and both parents retired; or
        refused, be it for what it says or for what it gains, with both left as they are. None where
        nothing was written that could take their place: no text, one that is known already, or a
        parent's that gains less than the other.

    Raises:
        UnknownHint: the tenant lacks one of them.
    """
    parents = [await asyncio.to_thread(known_hint, store, each, tenant) for each in (a_id, b_id)]
    text = tidy(await merger.merge(parents[0].text, parents[1].text) or "")
    if not text:
        return None
    fault = form_fault(text, form)
    text = redacted(text) if fault else text
    fault = fault or (leak(text) if leak else None)
    child_id = hint_id(text, tenant)
    known = await asyncio.to_thread(store.get, child_id, tenant=tenant)
    better = max(parents, key=lambda hint: (hint.evidence.low, hint.hint_id))
    names = f"{a_id} and {b_id}"
    if known is not None:
        return await _outlived(store, child_id, parents, measure, by=by)
    child = Hint(
        hint_id=child_id,
        text=text,
        title=better.title,
        when=better.when,
        status=Status.REFUSED,
        tenant=tenant,
        provenance=Provenance(source="merge", created=time.time(), parent=better.hint_id),
        reason=f"merged out of {names}, but {fault}",
    )
    if fault is None:
        seen = await measure(text)
        before = [await measure(parent.text) for parent in parents]
        good = seen.low > 0 and seen.gain >= max(one.gain for one in before)
        child = replace(
            child,
            status=Status.ACTIVE if good else Status.REFUSED,
            evidence=seen,
            reason=f"merged out of {names}" if good else f"merged out of {names}, but no better",
        )
    gone = _retired(parents, child_id) if child.status is Status.ACTIVE else []
    await asyncio.to_thread(store.put_all, [child, *gone], by=by, why=child.reason)
    return child


async def _outlived(
    store: HintStore,
    kept_id: str,
    parents: Sequence[Hint],
    measure: Callable[[str], Awaitable[Evidence]],
    *,
    by: str,
) -> Hint | None:
    """Keep the parent whose own words say both, if it gains no less than the other."""
    kept = next((hint for hint in parents if hint.hint_id == kept_id), None)
    if kept is None:
        return None
    [other] = [hint for hint in parents if hint.hint_id != kept_id]
    if (await measure(kept.text)).gain < (await measure(other.text)).gain:
        return None
    parent = kept.provenance.parent or other.hint_id
    reason = f"says what {other.hint_id} said, too, and gains no less"
    heir = replace(kept, reason=reason, provenance=replace(kept.provenance, parent=parent))
    gone = _retired([other], kept_id)
    await asyncio.to_thread(store.put_all, [heir, *gone], by=by, why=reason)
    return heir


def _retired(hints: Sequence[Hint], heir: str) -> list[Hint]:
    reason = f"merged into {heir}"
    return [replace(hint, status=Status.RETIRED, reason=reason) for hint in hints]


def ancestry(store: HintStore, hint_id: str, *, tenant: str = "default") -> list[Hint]:
    """Return a hint and what it came out of, youngest first; raises `UnknownHint`."""
    line = [known_hint(store, hint_id, tenant)]
    while parent := store.get(line[-1].provenance.parent, tenant=tenant):
        if parent.hint_id in {hint.hint_id for hint in line}:
            break
        line.append(parent)
    return line
