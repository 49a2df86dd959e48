"""The way of asking: what the settings say, what the doctor found, and what is refused."""

from pathlib import Path

import pytest
from shop_settings import settings_for

from re2llm.errors import UserError
from re2llm.graph.models import model_config, open_model, open_scores
from re2llm.graph.opening import open_parts
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.likelihood import LikelihoodReranker
from re2llm.llm.passes import ShuffledPasses
from re2llm.llm.probe import Probe, load_probe, save_probe
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.windows import SlidingWindow
from re2llm.workspace import Workspace

BASE = "http://127.0.0.1:9/v1"


def open_way(shop: Path, way: str, **more: object):
    settings = settings_for(shop).model_copy(update={"way": way, **more})
    return open_parts(settings, None)


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("listwise", ListwiseReranker),
        ("first-token", FirstTokenReranker),
        ("windows", SlidingWindow),
        ("passes", ShuffledPasses),
    ],
)
def test_the_setting_chooses_the_way(shop: Path, way: str, kind: type) -> None:
    parts = open_way(shop, way)
    assert type(parts.reranker) is kind
    parts.close()


def test_likelihood_asks_for_scores_under_the_same_budget(shop: Path) -> None:
    parts = open_way(shop, "likelihood", model="m", base_url=BASE)
    assert type(parts.reranker) is LikelihoodReranker
    assert parts.scorer is not None
    assert parts.scorer.budget is parts.client.budget
    parts.close()


def test_likelihood_without_a_server_is_refused_before_anything_is_opened(shop: Path) -> None:
    with pytest.raises(UserError, match="RE2LLM_WAY"):
        open_way(shop, "likelihood")
    open_way(shop, "listwise").close()


def test_what_the_doctor_found_is_read_where_models_are_opened(shop: Path) -> None:
    settings = settings_for(shop).model_copy(update={"model": "m", "base_url": BASE})
    _, identity = open_model(settings, None)
    assert identity == model_config(settings).identity
    path = Workspace(shop).probes
    save_probe(path, identity, Probe(forms=("text",), logprobs=True, echo=False))
    parts = open_parts(settings, None)
    assert parts.client.form == "text"
    parts.close()
    with pytest.raises(UserError, match="re2llm doctor"):
        open_scores(settings, None, load_probe(path, identity))
