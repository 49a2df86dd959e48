"""Metrics against hand-made cases and against ir_measures."""

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from re2llm.evals.metrics import (
    MAIN,
    MISSING,
    Metric,
    hit_rate,
    ndcg,
    order_by_score,
    rank_of_target,
    ranks,
    reciprocal_rank,
)


def test_a_target_has_the_rank_of_its_first_place() -> None:
    assert rank_of_target(["a", "b", "c"], "b") == 2
    assert rank_of_target(["a", "b", "b"], "b") == 2


def test_a_missing_target_scores_nothing_anywhere() -> None:
    found = ranks([["a", "b"], []], ["z", "z"])
    assert found.tolist() == [MISSING, MISSING]
    for metric in MAIN:
        assert metric.values(found).tolist() == [0, 0]


def test_values_by_hand() -> None:
    found = np.array([1.0, 2.0, 5.0, 6.0, MISSING])
    assert hit_rate(found, 5).tolist() == [1, 1, 1, 0, 0]
    assert ndcg(found, 5) == pytest.approx([1, 1 / math.log2(3), 1 / math.log2(6), 0, 0])
    assert reciprocal_rank(found) == pytest.approx([1, 1 / 2, 1 / 5, 1 / 6, 0])


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        hit_rate(np.array([1.0]), 0)
    with pytest.raises(ValueError, match="ranks start at 1"):
        ndcg(np.array([0.0]), 10)
    with pytest.raises(ValueError, match="ranks start at 1"):
        reciprocal_rank(np.array([math.nan]))
    with pytest.raises(ValueError, match="longer"):
        ranks([["a"]], ["a", "b"])
    with pytest.raises(ValueError, match="'a' is not a number"):
        order_by_score({"a": math.nan})


def test_names_are_the_fields() -> None:
    assert [metric.name for metric in MAIN] == ["HR@1", "HR@5", "HR@10", "NDCG@10", "MRR"]


def test_ties_know_nothing_of_the_given_order() -> None:
    ids = [f"i{n}" for n in range(20)]
    forwards = order_by_score(dict.fromkeys(ids, 1.0), salt="s1")
    backwards = order_by_score(dict.fromkeys(reversed(ids), 1.0), salt="s1")
    assert forwards == backwards
    assert forwards != order_by_score(dict.fromkeys(ids, 1.0), salt="s2")


def test_a_target_at_a_fixed_place_gains_nothing_from_ties() -> None:
    ids = [f"i{n}" for n in range(10)]
    orders = [order_by_score(dict.fromkeys(ids, 0.0), salt=str(n)) for n in range(2000)]
    mean = hit_rate(ranks(orders, ["i0"] * 2000), 1).mean()
    assert mean == pytest.approx(0.1, abs=0.03)


def test_scores_come_before_lots() -> None:
    assert order_by_score({"a": 1.0, "b": 3.0, "c": 2.0}) == ("b", "c", "a")


@given(
    places=st.lists(
        st.one_of(st.none(), st.integers(min_value=1, max_value=30)), min_size=1, max_size=30
    ),
    k=st.sampled_from([1, 5, 10, 20]),
)
def test_ir_measures_says_the_same(places: list[int | None], k: int) -> None:
    qrels, run = [], []
    for query, place in enumerate(places):
        qrels.append(ir_measures.Qrel(f"q{query}", "target", 1))
        for rank in range(1, 31):
            item = "target" if rank == place else f"d{rank}"
            run.append(ir_measures.ScoredDoc(f"q{query}", item, 100.0 - rank))
    measures = {
        ir_measures.Success @ k: Metric("HR", k),
        ir_measures.nDCG @ k: Metric("NDCG", k),
        ir_measures.RR: Metric("MRR"),
    }
    found = np.array([MISSING if place is None else float(place) for place in places])
    theirs = ir_measures.calc_aggregate(list(measures), qrels, run)
    for theirs_is, ours in measures.items():
        assert ours.values(found).mean() == pytest.approx(theirs[theirs_is], abs=1e-9)
