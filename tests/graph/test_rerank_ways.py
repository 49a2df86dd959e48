"""The way of asking: what the settings say, what the doctor found, and what is refused."""

import shutil
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from shop_settings import settings_for

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.errors import UserError
from re2llm.graph.files import fusion_path
from re2llm.graph.models import model_config, open_model, open_scores
from re2llm.graph.opening import open_parts
from re2llm.llm.answer import Options
from re2llm.llm.errors import ModelUnavailable, NoTurn
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.likelihood import LikelihoodReranker
from re2llm.llm.model import close_chat_model
from re2llm.llm.passes import ShuffledPasses
from re2llm.llm.probe import Probe, load_probe, save_probe
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.windows import SlidingWindow
from re2llm.settings import read_settings
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


def test_one_token_is_refused_where_the_doctor_found_no_probabilities(shop: Path) -> None:
    settings = settings_for(shop).model_copy(update={"model": "m", "base_url": BASE})
    _, identity = open_model(settings, None)
    path = Workspace(shop).probes
    save_probe(path, identity, Probe(forms=("text",), logprobs=False))
    with pytest.raises(UserError, match="first-token"):
        open_way(shop, "first-token", model="m", base_url=BASE)
    open_way(shop, "listwise", model="m", base_url=BASE).close()
    save_probe(path, identity, Probe(forms=("text",)))
    open_way(shop, "first-token", model="m", base_url=BASE).close()


async def test_fewer_places_may_be_asked_for(shop: Path) -> None:
    parts = open_way(shop, "listwise", places=4)
    case = parts.valid_cases()[0]
    answer = await parts.reranker.rerank(case.task)
    assert answer.listed == 4
    assert answer.degraded is None
    assert len(answer.order) == len(case.task.candidates)
    parts.close()
    whole = open_way(shop, "listwise")
    assert whole.scope != parts.scope
    whole.close()


async def test_limits_and_prices_are_settings(shop: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"per_tokens": 1000, "models": {"m": {"input": 1, "output": 2}}}')
    given = {"model": "m", "base_url": BASE, "prices": prices, "max_cost": 1.0, "timeout": 1.0}
    parts = open_way(shop, "listwise", requests_per_minute=0.001, **given)
    assert parts.client.budget.limits.cost == 1.0
    with pytest.raises(ModelUnavailable):  # nobody listens; the only turn is used up
        await parts.client.ask([HumanMessage("one")], options=Options(max_tokens=5))
    with pytest.raises(NoTurn, match="per minute"):
        await parts.client.ask([HumanMessage("two")], options=Options(max_tokens=5))
    await close_chat_model(parts.model)
    parts.close()
    with pytest.raises(UserError, match="price"):
        open_way(shop, "listwise", **{**given, "model": "unpriced"})


def test_the_variables_are_read(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RE2LLM_REQUESTS_PER_MINUTE", "30")
    monkeypatch.setenv("RE2LLM_TOKENS_PER_MINUTE", "4000.5")
    monkeypatch.setenv("RE2LLM_PRICES", "own.json")
    found = read_settings(workspace=shop)
    assert (found.requests_per_minute, found.tokens_per_minute) == (30, 4000.5)
    assert found.prices == Path("own.json")


def test_a_weight_that_was_learnt_on_other_data_is_not_used(shop: Path) -> None:
    parts = open_way(shop, "listwise")
    parts.with_fusion(SlateFusion(weight=3.0, sessions=99))
    parts.close()
    again = open_way(shop, "listwise")
    assert again.fusion.weight == 3.0
    again.close()
    shutil.rmtree(Workspace(shop).data)
    write_shop(Workspace(shop).data, ShopPlan(items=300, sessions=500, seed=4))
    anew = open_way(shop, "listwise")
    assert anew.fusion == SlateFusion()
    anew.close()


def test_a_weight_belongs_to_model_way_and_data(shop: Path) -> None:
    settings = settings_for(shop)
    workspace = Workspace(shop)
    long = "model at a very long address " * 20
    names = {
        fusion_path(workspace, identity, settings.model_copy(update={"way": way}), data)
        for identity in ("a", f"{long}1", f"{long}2")
        for way in ("listwise", "passes")
        for data in ("one", "two")
    }
    assert len(names) == 12
