"""Sessions with published candidates as questions to a reranker, retrieval's evidence beside."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve.index import HybridRetriever
from re2llm.catalog.retrieve.weights import fit_fusion_weights
from re2llm.catalog.sessions import Session, SessionLog
from re2llm.catalog.text import clean_text
from re2llm.errors import UserError
from re2llm.llm.ranking import RankTask

_FIT_ON = 1000
_HELD_BACK = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question.

    Attributes:
        task: its candidates are in an order by lot and carry neither scores nor notes, so that the
            answer holds what the model knows by itself.
        candidates: the same in retrieval order, with scores.
    """

    session_id: str
    task: RankTask
    candidates: tuple[Candidate, ...]
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """What to fit on, and what to report on.

    Attributes:
        items: the whole catalogue.
    """

    items: tuple[Item, ...]
    valid: tuple[Trial, ...]
    test: tuple[Trial, ...]


def read_trials(folder: Path, *, valid: int, test: int, both: bool = False) -> Trials:
    """Read a folder of JSON lines and build retrieval over its training sessions.

    Args:
        folder: holds `items.jsonl` and `train.jsonl`, `valid.jsonl`, `test.jsonl`.
        valid: so many of the last validation sessions; retrieval's weights are learnt on others.
        test: so many of the first test sessions.
        both: whether validation sessions are judged as well. Then retrieval learns from training
            sessions alone: its weights from the last quarter, beside what the others say.

    Raises:
        UserError: a file is missing, or no session has its target among published candidates.
    """
    catalog = Catalog(
        Item(
            item_id=row["item_id"],
            title=clean_text(row["title"]),
            attributes={
                name: tuple(value) if isinstance(value, list) else value
                for name, value in row.get("attributes", {}).items()
            },
        )
        for row in _rows(folder / "items.jsonl")
    )
    train, judged = _sessions(folder / "train.jsonl"), _sessions(folder / "valid.jsonl")
    encoder = LexicalEncoder.fit([item.title for item in catalog])
    retriever = HybridRetriever.in_memory(catalog, _log(catalog, train), encoder)
    if both:
        first = int(len(train) * (1 - _HELD_BACK))
        before = HybridRetriever.in_memory(catalog, _log(catalog, train[:first]), encoder)
        weights = fit_fusion_weights(before, train[first:][:_FIT_ON])
    else:
        weights = fit_fusion_weights(retriever, judged[:-valid][:_FIT_ON])
    retriever = retriever.with_weights(weights)
    made = Trials(
        items=tuple(catalog.items),
        valid=_trials(catalog, retriever, judged[-valid:]),
        test=_trials(catalog, retriever, _sessions(folder / "test.jsonl")[:test]),
    )
    if not made.valid or not made.test:
        raise UserError(f"{str(folder)!r} has no sessions with published candidates and targets")
    return made


def _log(catalog: Catalog, sessions: Sequence[Session]) -> SessionLog:
    return SessionLog.from_sequences(
        [
            [p for i in (*one.items, one.target) if i and (p := catalog.position(i)) is not None]
            for one in sessions
        ]
    )


def _trials(
    catalog: Catalog, retriever: HybridRetriever, sessions: Sequence[Session]
) -> tuple[Trial, ...]:
    made = []
    for one in sessions:
        if one.target is None or one.candidates is None or one.target not in one.candidates:
            continue
        found = retriever.score(Query(session=one.items), list(one.candidates))
        by_lot = sorted(found, key=lambda candidate: _lot(one.session_id, candidate.item.item_id))
        task = RankTask(
            session=tuple(catalog[i] for i in one.items if i in catalog),
            candidates=tuple(Candidate(item=candidate.item, score=0.0) for candidate in by_lot),
        )
        trial = Trial(
            session_id=one.session_id, task=task, candidates=tuple(found), target=one.target
        )
        made.append(trial)
    return tuple(made)


def _lot(session_id: str, item_id: str) -> bytes:
    return hashlib.sha256(f"{session_id}\0{item_id}".encode()).digest()


def _sessions(path: Path) -> list[Session]:
    return [
        Session(
            session_id=row["session_id"],
            items=tuple(row["items"]),
            target=row.get("target"),
            candidates=tuple(row["candidates"]) if row.get("candidates") else None,
        )
        for row in _rows(path)
    ]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise UserError(f"there is no {path.name!r} in {str(path.parent)!r}")
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
