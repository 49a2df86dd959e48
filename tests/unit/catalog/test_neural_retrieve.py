"""A sequence model is one more source of evidence; without one nothing changes."""

import subprocess
import sys

import numpy as np
import pytest
from retrieve_world import retriever, sessions

from re2llm.catalog.candidates import Query
from re2llm.catalog.items import Catalog
from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.evidence import standard_known
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.retrieve.weights import EQUAL, REQUEST, Weights, fit_fusion_weights
from re2llm.catalog.sessions import Session

ALONE = Weights(by_source={"gru4rec": 1.0})


def model_of(catalog: Catalog, unknown: tuple[int, ...] = ()) -> SequenceModel:
    """A model that expects item i + 1 after item i, made by hand: no layers, one vector each."""
    size = len(catalog)
    turned = np.roll(np.eye(size, dtype=np.float32), 1, axis=1)
    mean = turned.mean(axis=1, keepdims=True)
    weight = np.ones(size, dtype=np.float32)
    rows = np.arange(size)
    rows[list(unknown)] = -1
    positions = np.arange(size)
    positions[list(unknown)] = -1

    class Next(SequenceModel):
        def point(self, session):
            known = session[self.rows[session] >= 0]
            return turned[known[-1]] - mean[known[-1]] if len(known) else None

    return Next(
        kind="gru4rec",
        heads=1,
        length=5,
        tensors={"last.weight": weight, "last.bias": 0 * weight},
        items=np.eye(size, dtype=np.float32),
        rows=rows,
        positions=positions,
        identity="by hand",
    )


def with_model(unknown: tuple[int, ...] = ()) -> HybridRetriever:
    plain = retriever()
    return plain.with_models([model_of(plain.catalog, unknown)], ALONE)


def test_what_the_model_expects_is_found_first():
    found = with_model().retrieve(Query(session=("i3", "i40")), 10)
    assert found[0].item.item_id == "i41"
    assert found[0].evidence["gru4rec"] == max(one.evidence["gru4rec"] for one in found)


def test_items_and_sessions_unknown_to_the_model_get_nothing_from_it():
    asked = with_model(unknown=(41,))
    items = ["i41", "i42", "i3", "i5"]
    evidence = {
        one.item.item_id: one.evidence for one in asked.score(Query(session=("i40",)), items)
    }
    assert evidence["i41"]["gru4rec"] == 0
    silent = asked.score(Query(session=("i41",)), items)
    assert {one.evidence["gru4rec"] for one in silent} == {0.0}


def test_filters_and_stock_bind_the_model_too():
    query = Query(session=("i28",))
    assert "i29" not in {one.item.item_id for one in with_model().retrieve(query, 50)}


def test_without_models_no_candidate_speaks_of_one():
    plain = retriever()
    found = plain.retrieve(Query(session=("i3", "i40")), 10)
    assert all("gru4rec" not in one.evidence for one in found)
    assert plain.with_models([], plain.weights).retrieve(Query(session=("i3", "i40")), 10) == found


def test_over_other_sessions_the_model_is_left_out():
    plain = retriever().with_weights(Weights(by_source={"text": 1.0}, sessions=30))
    asked = plain.with_models([model_of(plain.catalog)], ALONE)
    blind = asked.over(sessions(seed=5))
    assert blind.models == ()
    assert blind.weights == plain.weights


def _walks(count: int) -> list[Session]:
    draws = np.random.default_rng(2)
    starts = [int(place) for place in draws.integers(58, size=count) if place % 10 < 8]
    return [
        Session(session_id=str(n), items=(f"i{place}",), target=f"i{place + 1}")
        for n, place in enumerate(starts)
    ]


def test_the_models_weight_is_learnt_like_the_others():
    asked = retriever()
    asked = asked.with_models([model_of(asked.catalog)], EQUAL)
    fitted = fit_fusion_weights(asked, _walks(100))
    assert fitted.of("gru4rec") > 2 * fitted.of("text")
    assert fitted.of(REQUEST) > 0


def test_before_there_is_data_the_model_counts_like_the_others():
    asked = retriever()
    asked = asked.with_models([model_of(asked.catalog)], EQUAL)
    fitted = fit_fusion_weights(asked, _walks(10))
    assert fitted == Weights(by_source={**EQUAL.by_source, "gru4rec": 1.0})


def test_what_is_unknown_stands_at_the_mean():
    found = standard_known(np.array([1.0, np.nan, 3.0]))
    assert found == pytest.approx([-1, 0, 1])
    assert (standard_known(np.full(3, np.nan)) == 0).all()


def test_serving_needs_no_torch():

    code = "import sys, re2llm.catalog.retrieve.index; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
