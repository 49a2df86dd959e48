"""Peers answer in our terms: catalogue positions, without the session's own items."""

import numpy as np
import pytest

from re2llm.catalog.neural.plan import Kind
from re2llm.catalog.sessions import Session, SessionLog
from re2llm.evals.peers import cornac, item_knn
from re2llm.evals.retrieval_world import World
from re2llm.evals.synthetic_log import synthetic_catalog


def pairs() -> World:
    """Item 2n is always taken with item 2n + 1; the last ten items by nobody."""
    draws = np.random.default_rng(0)
    rows = [[2 * n, 2 * n + 1] for n in draws.integers(25, size=600).tolist()]
    asked = [
        Session(session_id=str(n), items=(f"i{2 * n}",), target=f"i{2 * n + 1}") for n in range(25)
    ]
    return World(
        name="pairs",
        catalog=synthetic_catalog(60),
        log=SessionLog.from_sequences(rows),
        valid=[],
        test=[*asked, Session(session_id="new", items=("i59",), target="i58")],
    )


def right(lists: list[list[int]]) -> int:
    for place, found in enumerate(lists[:25]):
        assert 2 * place not in found
        assert len(found) <= 5
    return sum(2 * place + 1 in found for place, found in enumerate(lists[:25]))


@pytest.mark.filterwarnings("ignore:Method expects CSR", "ignore:OpenBLAS")
def test_implicit_finds_what_is_taken_together() -> None:
    pytest.importorskip("implicit", reason="a peer: `pip install implicit`")
    lists = item_knn(pairs(), 5)
    assert lists is not None
    assert right(lists) == 25
    assert lists[25] == []


@pytest.mark.parametrize("kind", ["gru4rec", "sasrec"])
def test_cornac_finds_what_follows(kind: Kind) -> None:
    pytest.importorskip("cornac", reason="a peer: `pip install cornac`")
    lists = cornac(pairs(), kind, 20, 5)
    assert lists is not None
    assert right(lists) >= 20
    assert lists[25] == []
