"""How a draft is written down as a hint, before anything is decided about it."""

import hashlib
from collections.abc import Callable

from re2llm.kb_store.form import FormRules, form_fault, redacted, tidy
from re2llm.kb_store.hint import Hint, Provenance, hint_id
from re2llm.llm.reflection import Failure, HintDraft

_LOOSE = FormRules(min_words=0, imperative=False, max_sentences=3)


def written(
    draft: HintDraft,
    tenant: str,
    provenance: Provenance,
    *,
    form: FormRules,
    leaks: Callable[[str], bool],
    masked: Callable[[str], str],
) -> Hint:
    """Make a candidate out of a draft.

    A text that is going to be refused is made fit to be kept, by `masked` as well; a title or
    condition that holds or leaks what it must not is left out.
    """
    text = tidy(draft.text)
    if form_fault(text, form) is not None:
        text = masked(redacted(text))
    elif leaks(text):
        text = masked(text)
    return Hint(
        hint_id=hint_id(text, tenant),
        text=text,
        title=aside(draft.title, leaks),
        when=aside(draft.when, leaks),
        tenant=tenant,
        provenance=provenance,
    )


def aside(words: str, leaks: Callable[[str], bool]) -> str:
    """Return a hint's title or condition, or nothing where it holds or leaks what it must not."""
    words = tidy(words)
    return "" if form_fault(words, _LOOSE) or leaks(words) else words


def fingerprint(failure: Failure) -> str:
    """Name the session that failed without telling it."""
    said = "\0".join(item.item_id for item in failure.task.session)
    return "s" + hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:15]
