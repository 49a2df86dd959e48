"""The best of all hints per session: no worse than any of them, and no better than their best."""

import numpy as np
import pytest
from eval_helpers import FACTS, PlantedRunner, sessions
from numpy.typing import NDArray

from re2llm.evals import arms
from re2llm.evals.evaluate import evaluate
from re2llm.evals.hindsight import best_of
from re2llm.evals.metrics import HEADLINE
from re2llm.evals.oracle import luck, policy_class
from re2llm.evals.results import HINDSIGHT, ORACLE, POLICY, Arm
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible
from re2llm.policy.features import FEATURE_NAMES


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


class _Letters:
    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        return np.eye(8, dtype=np.float32)[: len(texts)]


async def _table(n: int) -> tuple[list[Arm], Eligible]:
    hints = tuple(Hint(hint_id=name, text=name, status=Status.ACTIVE) for name in ("even", "odd"))
    plans = [arms.no_hint(), *(arms.static_hint(one.hint_id, one.hint_id) for one in hints)]
    comparison = await evaluate(PlantedRunner(), sessions(n), plans, facts=FACTS)
    vectors = _Letters().encode([one.text for one in hints])
    return [arm for arm in comparison.arms if arm.asks], Eligible(hints=hints, vectors=vectors)


async def test_the_oracle_finds_what_the_class_can_see_in_other_sessions() -> None:
    asked, eligible = await _table(120)
    kind = np.array([n % 2 for n in range(120)], dtype=np.float32)
    states = np.zeros((120, len(FEATURE_NAMES)), dtype=np.float32)
    states[:, 0] = kind
    oracle = await policy_class(states, eligible, asked)
    assert oracle is not None
    assert oracle.name == ORACLE
    best = best_of(asked)
    assert np.mean(oracle.ranks["slate"] == best.ranks["slate"]) > 0.95


async def test_the_oracle_chooses_by_lot_where_nothing_can_be_seen() -> None:
    asked, eligible = await _table(120)
    draws = np.random.default_rng(0).normal(size=(120, len(FEATURE_NAMES))).astype(np.float32)
    oracle = await policy_class(draws, eligible, asked)
    assert oracle is not None
    plain, even, odd, found, best = (
        float(HEADLINE.values(arm.ranks["slate"]).mean())
        for arm in (*asked, oracle, best_of(asked))
    )
    static = max(plain, even, odd)
    assert found == pytest.approx(static, abs=0.1)  # a half of all hits, by chance alone
    assert best > static + 0.25
    assert await policy_class(draws[:5], eligible, asked) is None


def test_luck_is_what_random_orders_reach() -> None:
    draws = np.random.default_rng(1)
    places = draws.permuted(np.tile(np.arange(1.0, 21), (40_000, 1)), axis=1)[:, :3]
    assert luck([20], 1) == pytest.approx(HEADLINE.values(places[:, 0]).mean(), abs=0.01)
    drawn = draws.integers(1, 21, size=(40_000, 3)).min(axis=1).astype(float)
    assert luck([20, 20], 3) == pytest.approx(HEADLINE.values(drawn).mean(), abs=0.01)
