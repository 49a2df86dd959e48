"""How sessions to learn from are kept out of the index that finds their candidates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.catalog.dataset import Dataset
from re2llm.catalog.retrieve.index import HybridRetriever
from re2llm.catalog.sessions import Session, SessionLog
from re2llm.errors import UserError
from re2llm.graph.cases import Case, CaseMaker

_SMALL = 0.2
"""Up to this share of the log is left out in one go; more is left out in turns."""
_TURNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Sessions to learn from, and a retriever that has never seen them."""

    number: int
    retriever: HybridRetriever
    cases: Sequence[Case]


def make_folds(
    dataset: Dataset, retriever: HybridRetriever, maker: CaseMaker, *, limit: int, seed: int
) -> list[Fold]:
    """Draw up to `limit` training sessions, and make each a case as a new session would be.

    A retriever that has seen a session knows its next item, and evidence that good would teach
    nothing about sessions to come. So the drawn sessions are left out of the index: all at once
    where they are a small part of the log, else a fifth at a time.

    Args:
        dataset: its training sessions are drawn from, by seed.
        retriever: the serving one, over the whole log.
        maker: makes cases.
        limit: how many sessions.
        seed: of the draw.

    Raises:
        UserError: no training session has a next item.
    """
    with_target = [
        index for index, session in enumerate(dataset.train_sessions) if session.target is not None
    ]
    if not with_target:
        raise UserError("no training session has a next item to learn from; ingest sessions first")
    order = np.random.default_rng(seed).permutation(len(with_target))[:limit]
    drawn = [with_target[place] for place in order]
    turns = 1 if len(drawn) <= _SMALL * len(dataset.train) else _TURNS
    rows = _log_rows(dataset.train_sessions)
    folds: list[Fold] = []
    for number in range(min(turns, len(drawn))):
        part = sorted(drawn[number::turns])
        blind = retriever.over(_without(dataset.train, [rows[index] for index in part]))
        cases = maker.make([dataset.train_sessions[index] for index in part], blind)
        folds.append(Fold(number=number, retriever=blind, cases=cases))
    return folds


def _log_rows(sessions: Sequence[Session]) -> list[int]:
    """Return each session's row in the log, which is ordered by time where all times are known."""
    stamps = [session.timestamp for session in sessions]
    if any(stamp is None for stamp in stamps):
        return list(range(len(stamps)))
    rows = np.empty(len(stamps), dtype=np.int64)
    rows[np.argsort(np.array(stamps, dtype=np.float64), kind="stable")] = np.arange(len(stamps))
    return [int(row) for row in rows]


def _without(log: SessionLog, rows: Sequence[int]) -> SessionLog:
    keep = np.ones(len(log), dtype=bool)
    keep[list(rows)] = False
    lengths = np.diff(log.offsets)
    offsets = np.zeros(int(keep.sum()) + 1, dtype=np.int64)
    np.cumsum(lengths[keep], out=offsets[1:])
    return SessionLog(
        items=log.items[np.repeat(keep, lengths)], offsets=offsets, timestamps=log.timestamps[keep]
    )
