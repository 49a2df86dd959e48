"""A sequence model from the command line to the slate, and what is refused on the way."""

import json
from pathlib import Path

import pytest
from shop_settings import settings_for
from typer.testing import CliRunner

from re2llm.cli import app
from re2llm.errors import UserError
from re2llm.graph.folds import make_folds
from re2llm.graph.opening import open_parts

QUICK = ("--epochs", "2", "--dim", "16", "--device", "cpu", "--threads", "1", "--batch", "64")


def run(shop: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["train-retriever", "-w", str(shop), *QUICK, *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_trained_model_serves_and_teaches_without_giving_away(shop: Path) -> None:
    plain = open_parts(settings_for(shop), None)
    plain.close()
    assert "NDCG@20" in run(shop)
    run(shop, "--kind", "gru4rec")
    parts = open_parts(settings_for(shop), None)
    try:
        assert parts.retrieval.version != plain.retrieval.version
        assert {"sasrec", "gru4rec"} <= set(parts.retriever.weights.by_source)
        case = parts.valid_cases()[0]
        assert {"sasrec", "gru4rec"} <= set(case.task.candidates[0].evidence)
        folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=20, seed=0)
        taught = folds[0].cases[0].task.candidates[0]
        assert "sasrec" not in taught.evidence
        assert folds[0].retriever.weights == plain.retriever.weights
    finally:
        parts.close()
    again = open_parts(settings_for(shop), None)
    again.close()
    assert again.retrieval.version == parts.retrieval.version


def test_a_model_that_does_not_fit_is_refused_until_it_is_trained_anew(shop: Path) -> None:
    run(shop)
    card = shop / "neural" / "sasrec.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "version": 0}))
    with pytest.raises(UserError, match="re2llm train-retriever --kind sasrec"):
        open_parts(settings_for(shop), None)
    run(shop)
    open_parts(settings_for(shop), None).close()


def test_a_plan_that_cannot_be_is_told(shop: Path) -> None:
    done = CliRunner().invoke(app, ["train-retriever", "-w", str(shop), "--dim", "15"])
    assert isinstance(done.exception, UserError)
    assert "15 is no multiple" in str(done.exception)
