"""Which policy serves after a training, with a model of which we know whom a hint helps."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from planted import FIRST, PLAN, by_length, learn, with_hints

from re2llm.graph.parts import Parts
from re2llm.kb_store.hint import hint_id
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.halving import Halving
from re2llm.policy.rewards import RewardStore
from re2llm.policy.saved import current
from re2llm.policy.training import Problem, RewardSource, Trained


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    opened = with_hints(shop)
    yield opened
    opened.close()


async def test_the_same_hint_for_all_serves_where_that_is_all_there_is_to_learn(
    parts: Parts,
) -> None:
    never = replace(PLAN, trainer=Silent())
    learnt = await learn(parts, lambda _session, hint: hint == FIRST, never)
    assert not learnt.decision.serves
    assert learnt.instead is not None
    assert learnt.instead.version == current(parts.workspace.policy)
    assert "the best hint for all sessions serves" in learnt.words
    policy = replace(parts).policy_of("default")
    cases = parts.valid_cases()[:5]
    eligible = parts.store.eligible()
    assert {policy.choose(one.features, eligible).hint_id for one in cases} == {hint_id(FIRST)}


async def test_what_serves_is_measured_again_and_goes_on_where_it_gains_more(parts: Parts) -> None:
    good = await learn(parts, by_length)
    worse = await learn(parts, by_length, replace(PLAN, trainer=Halving()))
    assert not worse.decision.serves
    assert worse.decision.incumbent == good.version
    assert worse.decision.over_incumbent.mean == pytest.approx(-good.decision.over_none.mean)
    assert worse.instead is None
    assert current(parts.workspace.policy) == good.version
    same = await learn(parts, by_length)
    assert same.decision.serves, same.decision.words
    assert same.decision.incumbent == good.version


async def test_what_serves_is_switched_off_once_it_does_harm(parts: Parts) -> None:
    good = await learn(parts, by_length)
    parts.rewards.close()
    parts = replace(parts, rewards=RewardStore(None))
    learnt = await learn(parts, lambda *_: False)
    assert not learnt.decision.serves
    assert learnt.instead is not None
    assert learnt.instead.version is None
    assert f"policy {good.version} is switched off" in learnt.words
    assert current(parts.workspace.policy) is None


class Silent:
    """A learner that never finds anything worth giving."""

    name = "silent"

    async def train(
        self, problem: Problem, source: RewardSource, *, calls: int, seed: int, **_: object
    ) -> Trained:
        found = await Halving().train(problem, source, calls=calls, seed=seed)
        nothing = ConstantScorer(
            problem.hints.ids,
            torch.zeros(len(problem.hints)),
            features=found.scorer.features,
            dim=found.scorer.dim,
        )
        return replace(found, scorer=nothing)
