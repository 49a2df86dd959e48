"""What retrieval is measured on: a dataset, or a synthetic log, as one world."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.items import Catalog
from re2llm.catalog.sessions import Session, SessionLog
from re2llm.evals.synthetic_log import synthetic_catalog, synthetic_log


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A catalogue, a log to learn from, and sessions to fit and to test on."""

    name: str
    catalog: Catalog
    log: SessionLog
    valid: Sequence[Session]
    test: Sequence[Session]


def open_world(folder: Path | None, sessions: int, fit: int) -> World:
    """Open a dataset, or make a synthetic one of 5,000 items and 100,000 clicks.

    Args:
        folder: of the dataset.
        sessions: to test on, at most.
        fit: to fit weights on, at most.
    """
    if folder is not None:
        data = open_dataset(folder)
        return World(
            name=data.meta.name,
            catalog=data.catalog,
            log=data.train,
            valid=[_bare(one) for one in data.valid[:fit]],
            test=[_bare(one) for one in data.test[:sessions] if one.target is not None],
        )
    catalog = synthetic_catalog(5000)
    later = list(synthetic_log(5 * (sessions + fit), 5000, seed=1))[: sessions + fit]
    made = [
        Session(
            session_id=str(number),
            items=tuple(f"i{place}" for place in row[:-1]),
            target=f"i{row[-1]}",
        )
        for number, row in enumerate(later)
    ]
    return World(
        name="synthetic",
        catalog=catalog,
        log=synthetic_log(100_000, 5000),
        valid=made[:fit],
        test=made[fit:],
    )


def _bare(session: Session) -> Session:
    return replace(session, candidates=None)
