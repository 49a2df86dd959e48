"""Which hint each arm wishes for in which session."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.items import Catalog
from re2llm.catalog.sessions import Session
from re2llm.evals.results import BEST_STATIC, NEAREST_HINT, NO_HINT, POLICY, RANDOM_HINT, Runner
from re2llm.kb_store.store import Eligible

Wish = Callable[[Session], str | None]
"""A session to a hint's id, `policy` to let the policy choose, or None for no hint."""


@dataclass(frozen=True, slots=True)
class ArmPlan:
    """An arm to be tried; `runner` makes its slates where they differ in more than the hint."""

    name: str
    wish: Wish
    runner: Runner | None = None


def no_hint() -> ArmPlan:
    """Plan the plain prompt."""
    return ArmPlan(NO_HINT, lambda _: None)


def static_hint(hint_id: str, name: str = BEST_STATIC) -> ArmPlan:
    """Plan one hint for all sessions; choose it on other sessions than the ones evaluated."""
    return ArmPlan(name, lambda _: hint_id)


def policy() -> ArmPlan:
    """Plan whatever the serving policy chooses."""
    return ArmPlan(POLICY, lambda _: "policy")


def random_hint(hint_ids: Sequence[str], *, seed: int = 0) -> ArmPlan:
    """Plan a hint drawn by lot; the same session and seed draw the same one."""
    ordered = sorted(hint_ids)

    def draw(session: Session) -> str | None:
        if not ordered:
            return None
        lot = hashlib.blake2b(f"{seed}\0{session.session_id}".encode(), digest_size=8).digest()
        return ordered[int.from_bytes(lot) % len(ordered)]

    return ArmPlan(RANDOM_HINT, draw)


def nearest_hint(
    catalog: Catalog, encoder: TextEncoder, eligible: Eligible, *, last: int = 5
) -> ArmPlan:
    """Plan the hint whose text is nearest in meaning to the titles of the latest items.

    This is what a search in a vector store would give: relevance to the session's words instead of
    measured help.
    """

    def nearest(session: Session) -> str | None:
        items = [catalog.get(item_id) for item_id in session.items[-last:]]
        words = " ".join(item.title for item in items if item is not None)
        if not words or not eligible.hints:
            return None
        near = eligible.vectors @ encoder.encode([words])[0]
        return eligible.hints[int(near.argmax())].hint_id

    return ArmPlan(NEAREST_HINT, nearest)
