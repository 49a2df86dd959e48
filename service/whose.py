"""Whose word feedback is: what counts as one independent source, and whose turn it is."""

from dataclasses import dataclass

from re2llm.kb_store.entry import source_digest
from re2llm.service.keys import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Who gives feedback.

    Attributes:
        source: the best known identity; hints need independent ones of these.
        session: the session, where one `source` speaks for many shoppers and can be trusted to
            tell them apart; it takes turns in the quota and is heard once about a hint. Else empty.
    """

    source: str
    session: str = ""


def whose(caller: Caller, session_id: str | None, shopper: str | None = None) -> Whose:
    """Say whose feedback this is: the shopper's, else the key's, else the session's.

    Sessions cost nothing to open, so two of them are not two sources where anything better is
    known. A shopper's id is believed where the shop's own server gives it, not a chat page.
    """
    if shopper and caller.staff:
        return Whose(source=f"shopper {source_digest(shopper)}")
    session = f"session {session_id}" if session_id else ""
    if not caller.keyed:
        return Whose(source=session or caller.name)
    return Whose(source=caller.name, session=session if caller.staff else "")
