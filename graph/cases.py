"""Sessions with a known next item, made ready to learn from."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.catalog.sessions import Session
from re2llm.llm.ranking import RankTask
from re2llm.nodes.protocols import Retriever
from re2llm.policy.features import session_features


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A session as the reranker will see it, and the item that came next.

    Attributes:
        key: derived from the session, the target and the candidates; the same case, the same key.
        task: the question without a hint.
        features: (features,) float32, what the policy sees.
    """

    key: str
    session: Session
    target: str
    task: RankTask
    features: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMaker:
    """Makes cases; candidates are found as in serving."""

    catalog: Catalog
    limit: int
    k: int
    max_session: int
    exclude_seen: bool = True

    def make(self, sessions: Iterable[Session], retriever: Retriever) -> list[Case]:
        """Make the sessions that have a target into cases; others are left out.

        A session without candidates of its own gets retrieved ones, in which the target may be
        missing.
        """
        return [
            self._case(session, session.target, retriever)
            for session in sessions
            if session.target is not None
        ]

    def _case(self, session: Session, target: str, retriever: Retriever) -> Case:
        known = [item_id for item_id in session.items if item_id in self.catalog]
        query = Query(session=tuple(known[-self.max_session :]))
        if session.candidates is None:
            limits = Filters(exclude_seen=self.exclude_seen)
            found = retriever.retrieve(replace(query, filters=limits), self.limit)
        else:
            found = retriever.score(query, [i for i in session.candidates if i in self.catalog])
        items = tuple(self.catalog[item_id] for item_id in query.session)
        task = RankTask(session=items, candidates=tuple(found), k=self.k)
        asked = sorted(f"{one.item.item_id} {one.score:.3f} {one.notes}" for one in found)
        return Case(
            key=_key([*query.session, "->", target, "|", *asked]),
            session=session,
            target=target,
            task=task,
            features=session_features(items, found, None),
        )


def _key(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
