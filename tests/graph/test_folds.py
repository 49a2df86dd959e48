"""Sessions to learn from are kept out of the index that finds their candidates."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from shop_settings import settings_for

from re2llm.graph.cases import Case
from re2llm.graph.folds import Fold, make_folds
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    opened = open_parts(settings_for(shop), None)
    yield opened
    opened.close()


def folds_of(parts: Parts, limit: int, seed: int = 0) -> list[Fold]:
    return make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=limit, seed=seed)


def neighbours_say(case: Case) -> float:
    """What session neighbours know of the next item, in z-scores over the candidates."""
    evidence = [one.evidence for one in case.task.candidates if one.item.item_id == case.target]
    return evidence[0].get("neighbours", 0.0)


@pytest.mark.parametrize(("limit", "count"), [(20, 1), (200, 5)])
def test_every_drawn_session_is_in_one_fold(parts: Parts, limit: int, count: int) -> None:
    folds = folds_of(parts, limit)
    ids = [case.session.session_id for fold in folds for case in fold.cases]
    assert len(folds) == count
    assert len(set(ids)) == len(ids) == limit
    known = {session.session_id for session in parts.dataset.train_sessions}
    assert set(ids) <= known


def test_neighbours_do_not_give_the_next_item_away(parts: Parts) -> None:
    blind = [case for fold in folds_of(parts, 100) for case in fold.cases]
    seen = parts.case_maker.make([case.session for case in blind], parts.retriever)
    told = np.mean([neighbours_say(case) for case in seen])
    assert told > np.mean([neighbours_say(case) for case in blind]) + 1
    fresh = parts.case_maker.make(parts.dataset.test, parts.retriever)
    new = np.mean([neighbours_say(case) for case in fresh])
    assert np.mean([neighbours_say(case) for case in blind]) < new + 0.5


def test_the_seed_draws_the_sessions(parts: Parts) -> None:
    first, again, other = (
        {case.key for fold in folds_of(parts, 30, seed) for case in fold.cases}
        for seed in (0, 0, 1)
    )
    assert first == again != other
