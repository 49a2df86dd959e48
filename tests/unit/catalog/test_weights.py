"""Weights are learnt where sessions teach something, and kept as JSON."""

from collections.abc import Sequence

import numpy as np
import pytest

from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.items import Item
from re2llm.catalog.retrieve.weights import EQUAL, SOURCES, Weights, fit_fusion_weights
from re2llm.catalog.sessions import Session
from re2llm.errors import UserError


class Planted:
    """Evidence in which one source alone tells the target, as often as `certainty` says."""

    def __init__(self, source: str, certainty: float) -> None:
        self.source = source
        self.certainty = certainty
        self.draws = np.random.default_rng(1)

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        return self.score(query, [f"c{i}" for i in range(n)])

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        evidence = {name: self.draws.standard_normal(len(item_ids)) for name in SOURCES}
        if self.draws.random() < self.certainty:
            evidence[self.source][0] = 3.0
        return [
            Candidate(
                item=Item(item_id=item_id, title=""),
                score=0.0,
                evidence={name: float(column[place]) for name, column in evidence.items()},
            )
            for place, item_id in enumerate(item_ids)
        ]


def _sessions(count: int, candidates: tuple[str, ...] | None = None) -> list[Session]:
    return [
        Session(session_id=str(n), items=("x",), target="c0", candidates=candidates)
        for n in range(count)
    ]


@pytest.mark.parametrize("source", SOURCES)
def test_the_source_that_knows_gets_the_weight(source):
    fitted = fit_fusion_weights(Planted(source, 0.9), _sessions(300), pool=20)
    others = [fitted.of(name) for name in SOURCES if name != source]
    assert fitted.of(source) > 5 * max(others)
    assert fitted.sessions == 300


def test_noise_teaches_nothing():
    fitted = fit_fusion_weights(Planted("text", 0.0), _sessions(300), pool=20)
    assert max(fitted.of(name) for name in SOURCES) < 0.2


def test_too_few_sessions_leave_the_default():
    assert fit_fusion_weights(Planted("text", 1.0), _sessions(19)) == EQUAL
    missed = _sessions(300, candidates=("c5", "c6"))
    assert fit_fusion_weights(Planted("text", 1.0), missed) == EQUAL
    assert fit_fusion_weights(Planted("text", 1.0), []) == EQUAL


def test_saved_weights_are_read_again(tmp_path):
    weights = Weights(by_source={"text": 0.25, "popularity": 1.5}, sessions=7)
    weights.save(tmp_path / "weights.json")
    assert Weights.load(tmp_path / "weights.json") == weights


@pytest.mark.parametrize("content", ["", "[]", '{"weights": 3}', '{"weights": {"a": "b"}}'])
def test_broken_weights_are_a_clear_error(tmp_path, content):
    (tmp_path / "weights.json").write_text(content)
    with pytest.raises(UserError, match="delete the file"):
        Weights.load(tmp_path / "weights.json")
