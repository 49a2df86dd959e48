"""The whole graph with a real model in it: a slate, feedback that it missed, and reflection."""

from pathlib import Path

import pytest
from shop_settings import settings_for

from re2llm import Re2LLM
from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.llm.model import ModelConfig
from re2llm.settings import Settings
from re2llm.workspace import Workspace

pytestmark = [pytest.mark.llm, pytest.mark.timeout(1200)]

SECONDS = 240.0


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small")
    write_shop(Workspace(root).data, ShopPlan(items=200, sessions=120, seed=5))
    return root


def told(small_shop: Path, served: ModelConfig, way: str) -> Settings:
    return settings_for(
        small_shop,
        model=served.model,
        base_url=served.base_url,
        api_key=None,
        way=way,
        k=2,
        candidates=6,
        timeout=SECONDS,
    )


@pytest.mark.parametrize("way", ["listwise", "first-token", "likelihood"])
async def test_a_real_model_makes_slates_in_every_way(small_shop, served, way):
    async with await Re2LLM.open(told(small_shop, served, way)) as app:
        session = list(app.parts.dataset.test[0].items)[-3:]
        slate = await app.recommend(session, request="something like these", k=2)
        again = await app.recommend(session, request="something like these", k=2)
    assert len(set(slate.item_ids)) == len(slate.item_ids) == 2
    assert slate.usage.calls >= 1
    assert slate.usage.input_tokens > 0
    if slate.degraded is None:
        assert again.item_ids == slate.item_ids
        assert again.usage.calls == 0
        assert again.usage.cache_hits >= 1


async def test_a_miss_makes_a_real_model_reflect(small_shop, served):
    async with await Re2LLM.open(told(small_shop, served, "first-token")) as app:
        session = list(app.parts.dataset.test[1].items)[-3:]
        slate = await app.recommend(session, k=2)
        state = await app.graph.aget_state({"configurable": {"thread_id": slate.id}})
        ranked = state.values["ranking"]["items"]
        assert len(ranked) == 6
        assert tuple(ranked[:2]) == slate.item_ids
        outcome = await app.feedback(slate.id, chosen=ranked[-1])
        hints = app.parts.store.hints(tenant=app.parts.settings.tenant)
    assert outcome.error
    assert outcome.usage.calls >= 1
    assert outcome.new_hints or any("reflect" in notice for notice in outcome.notices)
    assert {hint["hint_id"] for hint in outcome.new_hints} <= {hint.hint_id for hint in hints}
    assert all(hint["text"] and hint["reason"] for hint in outcome.new_hints)
