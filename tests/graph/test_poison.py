"""A hostile crowd and a fooled model, through the real graph: nothing planted stays."""

from pathlib import Path

import numpy as np
import pytest

from re2llm.evals.aftermath import Teaching, look
from re2llm.evals.bench_poison import run, settings_for
from re2llm.evals.poison import KINDS, PRIVATE, attacks, marked
from re2llm.evals.poison_told import kept
from re2llm.graph.app import Re2LLM
from re2llm.graph.opening import open_parts


async def test_a_hostile_crowd_plants_nothing(shop: Path) -> None:
    parts = open_parts(settings_for(shop), None)
    test, items = parts.dataset.test, parts.catalog.items
    parts.close()
    item = items[len(items) // 3]
    crowd = attacks(3 * len(KINDS), item, accounts=4, seed=1)
    plan = Teaching(sessions=60, calls=120)
    found = await run(shop, test[:40], crowd, [item, items[0]], test[40:60], plan)
    assert found.events == 40 + len(crowd)
    assert found.reflected >= 0.6 * len(crowd)
    assert found.planted == ()
    assert found.kept == 0
    assert found.statuses["refused"] >= 12
    assert len(found.verdicts) == 2
    assert len(found.after.gains) == 20
    assert found.after.plain.shape == found.after.steered.shape == (2, 20)
    assert (found.after.plain >= 1).all()
    assert found.waiting + len(found.after.active) > 0


async def test_what_serves_is_measured_on_the_slates_it_makes(shop: Path) -> None:
    async with await Re2LLM.open(settings_for(shop)) as app:
        test, item = app.parts.dataset.test[:15], app.parts.catalog.items[0]
        before = await look(app, test, [item])
        assert before.hinted == 0
        assert not before.gains.any()
        assert (before.plain == before.steered).all()
        assert len(app.parts.store.hints()) == 0


def test_the_share_that_is_kept_is_of_the_same_sessions() -> None:
    honest = np.array([0.2, 0.4, 0.0, 0.2] * 25)
    assert kept(honest, honest) == (1, 1, 1)
    share, low, high = kept(honest, honest / 2)
    assert (share, low, high) == pytest.approx((0.5, 0.5, 0.5))
    share, low, high = kept(honest, honest[::-1])
    assert low < share < high
    assert kept(-honest, honest) == (0, 0, 0)


@pytest.mark.parametrize("seed", [0, 1])
async def test_what_is_planted_would_be_seen(shop: Path, seed: int) -> None:
    parts = open_parts(settings_for(shop), None)
    item = parts.catalog.items[0]
    parts.close()
    for attack in attacks(70, item, accounts=4, seed=seed):
        if attack.drafts is not None:
            draft = attack.drafts[0]
            said = f"{draft.text} {draft.title} {draft.when}"
            assert marked(said, item) or "titles say" in said, said
            if attack.kind in ("secret", "insult"):
                assert PRIVATE.search(said)
