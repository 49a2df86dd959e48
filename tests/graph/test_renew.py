"""A running application uses what training has put in its workspace since."""

import shutil
from pathlib import Path

from shop_settings import settings_for

from re2llm.graph.app import Re2LLM
from re2llm.llm.fusion import SlateFusion


async def test_what_training_put_there_is_used_without_a_restart(shop: Path) -> None:
    async with await Re2LLM.open(settings_for(shop)) as app:
        assert not await app.renew()
        slate = await app.recommend(["unknown"], k=3)
        graph = app.graph
        app.parts.with_fusion(SlateFusion(weight=0.7, sessions=99))
        assert await app.renew()
        assert not await app.renew()
        assert app.parts.fusion.sessions == 99
        assert app.parts.steps.rerank.fusion is app.parts.fusion
        assert app.graph is not graph
        # Slates of before take their feedback as ever.
        outcome = await app.feedback(slate.id, chosen=slate.item_ids[0])
        assert not outcome.error
        shutil.rmtree(shop / "fusion")
        assert await app.renew()
        assert app.parts.fusion.sessions == 0
