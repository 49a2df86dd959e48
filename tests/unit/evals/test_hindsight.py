"""The best of all hints per session: no worse than any of them, and no better than their best."""

import numpy as np
from eval_helpers import FACTS, PlantedRunner, sessions

from re2llm.evals import arms
from re2llm.evals.evaluate import evaluate
from re2llm.evals.hindsight import best_of
from re2llm.evals.results import HINDSIGHT, POLICY


async def test_hindsight_finds_each_session_its_own_hint() -> None:
    plans = [
        arms.no_hint(),
        arms.static_hint("even", "even"),
        arms.static_hint("odd", "odd"),
        arms.policy(),
    ]
    comparison = await evaluate(PlantedRunner(), sessions(20), plans, facts=FACTS)
    asked = [arm for arm in comparison.arms if arm.asks]
    best = best_of(asked[:3])
    policy = comparison.arm(POLICY)
    assert policy is not None
    assert best.name == HINDSIGHT
    assert np.array_equal(best.ranks["slate"], policy.ranks["slate"])
    assert best.hint_ids == policy.hint_ids
    assert best.shown == policy.shown
    assert best.usage == asked[1].usage + asked[2].usage
    alone = best_of(asked[:1])
    assert np.array_equal(alone.ranks["slate"], asked[0].ranks["slate"])
