"""How hints travel between knowledge bases: one JSON file, checked entry by entry."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from re2llm.errors import UserError
from re2llm.kb_store import codec
from re2llm.kb_store.drafts import aside
from re2llm.kb_store.form import FormRules, form_fault, tidy
from re2llm.kb_store.hint import Evidence, Hint, Status, hint_id
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.store import HintStore

_FORMAT = "re2llm-hints"
_VERSION = 1
_OFFERED = (Status.ACTIVE, Status.SHADOW, Status.CANDIDATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file's hints."""

    entered: tuple[Hint, ...]
    known: int
    """Hints that were there already and stay as they are."""
    unused: int
    """Hints that were not in use where they come from either, and are left out."""
    refused: tuple[str, ...]
    """Why the others were left out, in words."""


def export_hints(
    store: HintStore, *, tenant: str = "default", status: Sequence[Status] | None = None
) -> str:
    """Write a tenant's hints as JSON, all or those of some statuses, in a stable order."""
    hints = [json.loads(codec.dump(hint)) for hint in store.hints(tenant=tenant, status=status)]
    about = {"format": _FORMAT, "version": _VERSION, "hints": hints}
    return json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def import_hints(
    store: HintStore,
    text: str,
    *,
    by: str,
    tenant: str = "default",
    trust: bool = False,
    form: FormRules | None = None,
    leak: LeakFilter | None = None,
) -> Imported:
    """Read hints that `export_hints` wrote, into any tenant, all of them or none.

    Without trust those enter that were in use or waiting elsewhere, and as candidates: another
    catalogue's evidence says little here. With trust all do, and status and evidence are kept.
    Running statistics are left behind either way, and a hint that is here already stays as it is.

    Args:
        store: where they go.
        text: the file's content.
        by: for the record.
        tenant: whose they become.
        trust: whether they may be active at once.
        form: what a hint may look like; what has not this form is left out.
        leak: this catalogue's names; what mentions one is left out.

    Raises:
        UserError: not such a file.
    """

    def given_away(words: str) -> str | None:
        return leak.fault(words) if leak else None

    def leaks(words: str) -> bool:
        return given_away(words) is not None

    entered: dict[str, Hint] = {}
    known = unused = 0
    refused: list[str] = []
    for number, raw in enumerate(_entries(text), start=1):
        try:
            hint = codec.load(json.dumps(raw))
            codec.dump(hint)
            if hint.evidence.sessions < 0:
                raise ValueError("evidence of fewer than no sessions")
        except ValueError as error:
            refused.append(f"entry {number}: not a hint ({_first_line(error)})")
            continue
        words = tidy(hint.text)
        if fault := form_fault(words, form) or given_away(words):
            refused.append(f"entry {number} ({hint.hint_id}): {fault}")
            continue
        new_id = hint_id(words, tenant)
        if new_id in entered or store.get(new_id, tenant=tenant) is not None:
            known += 1
            continue
        if not trust and hint.status not in _OFFERED:
            unused += 1
            continue
        entered[new_id] = replace(
            hint,
            hint_id=new_id,
            text=words,
            title=aside(hint.title, leaks),
            when=aside(hint.when, leaks),
            tenant=tenant,
            status=hint.status if trust else Status.CANDIDATE,
            evidence=hint.evidence if trust else Evidence(),
            provenance=replace(hint.provenance, source="import"),
            reason=hint.reason if trust else "imported; not tried here yet",
            shown=0,
            helped=0,
            hurt=0,
        )
    store.put_all(list(entered.values()), by=by, why="imported")
    return Imported(
        entered=tuple(entered.values()), known=known, unused=unused, refused=tuple(refused)
    )


def _entries(text: str) -> list[object]:
    try:
        about = json.loads(text)
    except ValueError as error:
        raise UserError(f"this is no file of hints: not JSON ({error})") from error
    if not isinstance(about, dict) or about.get("format") != _FORMAT:
        raise UserError(f"this is no file of hints: its 'format' must be {_FORMAT!r}")
    if about.get("version") != _VERSION:
        raise UserError(
            f"hints of version {about.get('version')!r} cannot be read here; version {_VERSION} can"
        )
    hints = about.get("hints")
    if not isinstance(hints, list):
        raise UserError("this file of hints has no list called 'hints'")
    return hints


def _first_line(error: ValueError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[1:3]) or str(error)
