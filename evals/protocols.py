"""Which candidates every session is judged on: published, of several seeds, drawn, or retrieved.

* `published`: as the data has them (Re2LLM: 50; PO4ISR: 20).
* a file of JSON lines with `session_id` and `candidates`: those; several files are several seeds,
  as PO4ISR publishes five.
* a number such as `20`: the target and so many items less one, drawn from the whole catalogue, as
  LLMRank does; once per seed.
* `full`: whatever retrieval finds in the whole catalogue; where it misses the target, every metric
  is 0.

Under several seeds a session stands several times, and intervals are drawn over both.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from re2llm.catalog.items import Catalog
from re2llm.catalog.sessions import Session
from re2llm.errors import UserError

PUBLISHED, FULL = "published", "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Sessions as they are judged.

    Attributes:
        sessions: with the protocol's candidates; ids differ also between seeds.
        groups: (sessions,) id of the session itself.
        seeds: (sessions,) name of the seed; empty where there is one only.
        words: the protocol in words.
    """

    sessions: tuple[Session, ...]
    groups: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    words: str = "published candidates"


def apply(
    sessions: Sequence[Session], protocol: Sequence[str], catalog: Catalog, *, seeds: int = 1
) -> Judged:
    """Give sessions the candidates of a protocol.

    Args:
        sessions: those with a target count.
        protocol: `published`, `full`, a number, or paths of files; nothing is `published`.
        catalog: that candidates are drawn from.
        seeds: how many lists are drawn, where the protocol is a number.

    Raises:
        UserError: there is no such protocol, a file lacks a session, a list its target, or several
            lists are to be drawn where none is.
    """
    known = [session for session in sessions if session.target is not None]
    named = list(protocol) or [PUBLISHED]
    draws = len(named) == 1 and named[0].isdigit()
    if seeds > 1 and not draws:
        raise UserError(
            f"{seeds} seeds, but nothing is drawn from {', '.join(map(repr, named))}; ask for a "
            "number of candidates (--candidates 20), or give a file for every seed"
        )
    if named == [PUBLISHED]:
        return Judged(sessions=tuple(known))
    if named == [FULL]:
        bare = tuple(replace(session, candidates=None) for session in known)
        return Judged(sessions=bare, words="candidates retrieved from the full catalogue")
    if draws:
        size = int(named[0])
        if not 2 <= size <= len(catalog):
            raise UserError(f"{size} candidates; give from 2 to {len(catalog):,} of them")
        lists = {f"seed {n}": _drawn(known, size, catalog, n) for n in range(seeds)}
        words = f"{size} candidates drawn at random"
    else:
        lists = {Path(one).stem: _read(Path(one)) for one in named}
        if len(lists) < len(named):
            raise UserError("two candidate files have the same name; give each its own")
        words = f"candidates of {', '.join(lists)}"
    return _crossed(known, lists, words)


def _crossed(
    known: Sequence[Session], lists: Mapping[str, Mapping[str, tuple[str, ...]]], words: str
) -> Judged:
    several = len(lists) > 1
    made: list[Session] = []
    for name, found in lists.items():
        for one in known:
            listed = found.get(one.session_id)
            if listed is None:
                raise UserError(f"{name!r} has no candidates for session {one.session_id!r}")
            if one.target not in listed:
                raise UserError(
                    f"{name!r} lacks the target {one.target!r} of session {one.session_id!r} "
                    "among its candidates"
                )
            own = f"{one.session_id}, {name}" if several else one.session_id
            made.append(replace(one, session_id=own, candidates=listed))
    if not several:
        return Judged(sessions=tuple(made), words=words)
    return Judged(
        sessions=tuple(made),
        groups=tuple(one.session_id for _ in lists for one in known),
        seeds=tuple(name for name in lists for _ in known),
        words=f"{words}, {len(lists)} seeds",
    )


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        return {str(row["session_id"]): tuple(map(str, row["candidates"])) for row in rows}
    except OSError:
        raise UserError(
            f"there is no candidate file {str(path)!r}; give one of {PUBLISHED!r}, {FULL!r} and a "
            "number, or files"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{str(path)!r} is no file of JSON lines with session_id and candidates: {error!r}"
        ) from None


def _drawn(
    sessions: Iterable[Session], size: int, catalog: Catalog, seed: int
) -> dict[str, tuple[str, ...]]:
    """Draw the others from what is neither the target nor in the session; then shuffle."""
    found = {}
    ids = [item.item_id for item in catalog]
    for one in sessions:
        lot = hashlib.blake2b(f"{seed}\0{one.session_id}".encode(), digest_size=8).digest()
        draws = np.random.default_rng(int.from_bytes(lot))
        apart = {*one.items, str(one.target)}
        places = draws.choice(len(ids), size=min(len(ids), size + len(apart)), replace=False)
        others = [ids[place] for place in places if ids[place] not in apart][: size - 1]
        listed = [*others, str(one.target)]
        found[one.session_id] = tuple(listed[place] for place in draws.permutation(len(listed)))
    return found
