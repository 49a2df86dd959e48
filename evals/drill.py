"""Which sessions a reader sees one by one, and what changed in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.catalog.sessions import Session
from re2llm.evals.metrics import HEADLINE
from re2llm.evals.results import Arm, Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """One session close up, in titles.

    Attributes:
        session: oldest first.
        candidates: as they were given; empty where they were retrieved.
        hint: what the model was told, or None.
        before: the first places without a hint.
        after: the first places with it.
        rank_before: the target's; infinity where it is not listed.
        gain: the headline metric after minus before.
        degraded: why an answer is not (fully) the model's, or None.
    """

    session_id: str
    session: tuple[str, ...]
    target: str
    candidates: tuple[str, ...]
    hint: str | None
    before: tuple[str, ...]
    after: tuple[str, ...]
    rank_before: float
    rank_after: float
    gain: float
    degraded: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sessions that belong together, with what to call them."""

    name: str
    sessions: tuple[Close, ...]


def drill_down(
    comparison: Comparison,
    before: Arm,
    after: Arm,
    *,
    sessions: Sequence[Session],
    titles: Mapping[str, str],
    hints: Mapping[str, str],
    each: int = 15,
) -> tuple[Group, ...]:
    """Pick the sessions that were helped and hurt most, and some that stayed as they were.

    Args:
        comparison: what was evaluated.
        before: the arm that the other is read against.
        after: the arm of interest.
        sessions: those evaluated, for what they hold.
        titles: of items, by id.
        hints: texts, by id.
        each: how many sessions a group has at most.
    """
    gains = HEADLINE.values(after.ranks["slate"]) - HEADLINE.values(before.ranks["slate"])
    order = np.argsort(-gains, kind="stable")
    helped = [int(i) for i in order if gains[i] > 0]
    hurt = [int(i) for i in order[::-1] if gains[i] < 0]
    same = [int(i) for i in np.flatnonzero(gains == 0)]
    spread = same[:: max(1, len(same) // each)] if same else []
    known = {session.session_id: session for session in sessions}

    def close(place: int) -> Close:
        session = known[comparison.session_ids[place]]
        hint_id = after.hint_ids[place]
        return Close(
            session_id=session.session_id,
            session=_titled(session.items, titles),
            target=_title(comparison.targets[place], titles),
            candidates=_titled(session.candidates or (), titles),
            hint=None if hint_id is None else hints.get(hint_id, hint_id),
            before=_titled(before.shown[place], titles),
            after=_titled(after.shown[place], titles),
            rank_before=float(before.ranks["slate"][place]),
            rank_after=float(after.ranks["slate"][place]),
            gain=float(gains[place]),
            degraded=after.degraded[place] or before.degraded[place],
        )

    named = (("Helped most", helped), ("Hurt most", hurt), ("Unchanged", spread))
    sizes = {"Helped most": len(helped), "Hurt most": len(hurt), "Unchanged": len(same)}
    return tuple(
        Group(
            name=f"{name}: {len(places[:each])} of {sizes[name]}",
            sessions=tuple(close(place) for place in places[:each]),
        )
        for name, places in named
        if places
    )


def _titled(items: Sequence[str], titles: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_title(item_id, titles) for item_id in items)


def _title(item_id: str, titles: Mapping[str, str]) -> str:
    return titles.get(item_id, item_id)
