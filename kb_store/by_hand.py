"""What people do with hints: write one, give one new words, switch one on."""

import time
from collections.abc import Callable
from dataclasses import replace

from re2llm.errors import UserError
from re2llm.kb_store.errors import KnownHint
from re2llm.kb_store.form import FormRules, form_fault, tidy
from re2llm.kb_store.hint import Evidence, Hint, Provenance, Status, hint_id
from re2llm.kb_store.store import HintStore, known_hint

Leak = Callable[[str], str | None]
"""Says what a text gives away of this shop's items, or None."""

_OUT = (Status.REFUSED, Status.RETIRED)


def add(
    store: HintStore, text: str, *, leak: Leak, by: str, why: str, tenant: str = "default"
) -> Hint:
    """Enter a person's hint, active at once: a person answers for its effect, not for its form.

    Raises:
        UserError: it has not the form of a hint, names an item, or is known already.
    """
    text = _worded(text, leak)
    known = store.get(hint_id(text, tenant), tenant=tenant)
    if known is not None:
        raise KnownHint(known.hint_id, str(known.status), known.reason)
    new = Hint(
        hint_id=hint_id(text, tenant),
        text=text,
        status=Status.ACTIVE,
        tenant=tenant,
        provenance=Provenance(source="person", created=time.time()),
        reason=why,
    )
    store.put(new, by=by, why=why)
    return new


def edit(
    store: HintStore,
    old_id: str,
    text: str,
    *,
    leak: Leak,
    by: str,
    why: str,
    tenant: str = "default",
    form: FormRules | None = None,
) -> Hint:
    """Give a hint new words: a new hint with the old one as its parent, which is retired.

    The new one keeps the status but not the evidence, which belongs to the words.

    Raises:
        UnknownHint: the tenant has none of this id.
        UserError: the words have not the form of a hint, name an item, or belong to another hint.
    """
    old = known_hint(store, old_id, tenant)
    text = _worded(text, leak, form)
    new_id = hint_id(text, tenant)
    if new_id == old.hint_id:
        new = replace(old, text=text)
        store.put(new, by=by, why=why)
        return new
    known = store.get(new_id, tenant=tenant)
    if known is not None:
        raise KnownHint(known.hint_id, str(known.status), known.reason)
    new = replace(
        old,
        hint_id=new_id,
        text=text,
        evidence=Evidence(),
        provenance=Provenance(source="person", created=time.time(), parent=old.hint_id),
        reason=why,
        shown=0,
        helped=0,
        hurt=0,
    )
    gone = replace(old, status=Status.RETIRED, reason=f"edited into {new_id}")
    store.put_all([new] if old.status in _OUT else [new, gone], by=by, why=why)
    return new


def enable(
    store: HintStore, name: str, *, leak: Leak, by: str, why: str, tenant: str = "default"
) -> Hint:
    """Switch a hint on, whatever it was before, with the evidence that it has.

    Raises:
        UnknownHint: the tenant has none of this id.
        UserError: it was refused, and for what it says: no person's word makes a hint of that.
    """
    hint = known_hint(store, name, tenant)
    if hint.status is Status.REFUSED:
        _worded(hint.text, leak)
    return store.set_status(name, Status.ACTIVE, by=by, why=why, tenant=tenant)


def _worded(text: str, leak: Leak, form: FormRules | None = None) -> str:
    text = tidy(text)
    if fault := form_fault(text, form) or leak(text):
        raise UserError(
            f"{text!r} cannot be a hint: it {fault}. A hint is one or two short sentences that say "
            "how to order items of any kind, such as 'Prefer items of the latest brand.'"
        )
    return text
