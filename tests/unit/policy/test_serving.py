from collections import Counter

import numpy as np
import pytest
import torch
from policy_helpers import eligible_of, small_world

from re2llm.errors import UserError
from re2llm.kb_store.store import Eligible
from re2llm.nodes.protocols import HintPolicy
from re2llm.policy.baselines import NoHintPolicy, RandomPolicy, StaticPolicy
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.hint_side import HintSide
from re2llm.policy.serving import ScoringPolicy

WORLD = small_world()
SIDE = WORLD.problem.hints
ELIGIBLE = eligible_of(SIDE)
STATE = WORLD.held_out[0]
EMPTY = Eligible(hints=(), vectors=np.zeros((0, 16), dtype=np.float32))


class Known(ConstantScorer):
    """Constant gains of which one is unsure."""

    def spreads(self, states, hints, picks):  # type: ignore[no-untyped-def]
        unsure = np.array([0.5 if hint_id == SIDE.ids[2] else 0.01 for hint_id in hints.ids])
        return unsure[picks]


def policy(gains: list[float], **given: float) -> ScoringPolicy:
    scorer = Known(SIDE.ids, torch.tensor(gains), features=12, dim=16)
    return ScoringPolicy(scorer=scorer, name="p", **given)  # type: ignore[arg-type]


def all_policies() -> list[HintPolicy]:
    learnt = policy([0.1, 0.2, 0.0, 0.0, 0.0, 0.0], exploration=0.5)
    return [learnt, NoHintPolicy(), StaticPolicy(SIDE.ids[1]), RandomPolicy()]


@pytest.mark.parametrize("chooser", all_policies(), ids=lambda chooser: chooser.version)
def test_a_disabled_hint_is_never_chosen(chooser: HintPolicy) -> None:
    off = (SIDE.ids[1], SIDE.ids[3])
    eligible = eligible_of(SIDE, off=off)
    chosen = {chooser.choose(STATE, eligible).hint_id for _ in range(300)}
    assert chosen.isdisjoint(off)


@pytest.mark.parametrize("chooser", all_policies(), ids=lambda chooser: chooser.version)
def test_without_hints_there_is_no_hint(chooser: HintPolicy) -> None:
    choice = chooser.choose(STATE, EMPTY)
    assert choice.hint_id is None
    assert choice.propensity == 1


def test_the_best_hint_that_is_surely_better_than_none_is_served() -> None:
    gains = [0.1, 0.2, 0.4, 0.0, -0.1, 0.0]
    sure = policy(gains, caution=1.0).choose(STATE, ELIGIBLE)
    assert (sure.hint_id, sure.gain, sure.propensity) == (SIDE.ids[1], pytest.approx(0.2), 1.0)
    assert policy(gains, caution=0.0).choose(STATE, ELIGIBLE).hint_id == SIDE.ids[2]


def test_no_hint_is_served_where_none_is_surely_better() -> None:
    choice = policy([-0.1, 0.005, 0.4, 0.0, -0.1, 0.0], caution=1.0).choose(STATE, ELIGIBLE)
    assert (choice.hint_id, choice.gain) == (None, 0.0)


def test_propensities_are_the_frequencies_of_what_is_chosen() -> None:
    chooser = policy([0.0, 0.2, 0.0, 0.0, 0.0, 0.0], exploration=0.4, seed=3)
    choices = [chooser.choose(STATE, ELIGIBLE) for _ in range(8000)]
    counts = Counter(choice.hint_id for choice in choices)
    assert len(counts) == 7
    for choice in choices[:50]:
        assert counts[choice.hint_id] / 8000 == pytest.approx(choice.propensity, abs=0.02)
    table = chooser.probabilities(STATE[None], SIDE)
    assert table.sum() == pytest.approx(1)
    assert table[0, 2] == pytest.approx(0.6 + 0.4 / 7)


def test_the_same_seed_draws_the_same_choices() -> None:
    first, second = (policy([0.1] * 6, exploration=0.7, seed=9) for _ in range(2))
    assert [first.choose(STATE, ELIGIBLE) for _ in range(40)] == [
        second.choose(STATE, ELIGIBLE) for _ in range(40)
    ]


def test_many_sessions_are_chosen_for_as_one_by_one() -> None:
    chooser = policy([0.1, 0.2, 0.4, 0.0, -0.1, 0.0])
    many = chooser.choose_many(WORLD.held_out[:9], ELIGIBLE)
    assert many == [chooser.choose(state, ELIGIBLE) for state in WORLD.held_out[:9]]


def test_sizes_that_do_not_fit_are_refused_with_the_mend() -> None:
    chooser = policy([0.1] * 6)
    with pytest.raises(UserError, match=r"12 features.*re2llm train"):
        chooser.choose(STATE[:5], ELIGIBLE)
    narrow = HintSide(ids=SIDE.ids, vectors=SIDE.vectors[:, :4], records=SIDE.records)
    with pytest.raises(UserError, match="16 numbers, these have 4"):
        chooser.choose(STATE, eligible_of(narrow))


def test_one_call_per_slate_names_nothing_further() -> None:
    assert policy([0.1] * 6).choose(STATE, ELIGIBLE).also == ()


def test_further_askings_are_the_next_best_and_no_hint_is_one_of_them() -> None:
    gains = [0.1, 0.2, 0.4, -0.3, -0.1, -0.2]
    choice = policy(gains, calls=4, caution=1.0).choose(STATE, ELIGIBLE)
    assert choice.hint_id == SIDE.ids[1]
    assert choice.also == (SIDE.ids[2], SIDE.ids[0], None)
    quiet = policy([-0.1, -0.2, -0.3, -0.4, -0.5, -0.6], calls=3).choose(STATE, ELIGIBLE)
    assert quiet.hint_id is None
    assert quiet.also == ()
    few = policy([-0.1, 0.2, -0.3, 0.1, -0.5, -0.6], calls=9).choose(STATE, ELIGIBLE)
    assert (few.hint_id, *few.also) == (SIDE.ids[1], SIDE.ids[3], None)


def test_never_more_askings_than_there_are_actions() -> None:
    choice = policy([0.1] * 6, calls=50).choose(STATE, ELIGIBLE)
    assert len(choice.also) == 6
    assert set(choice.also) | {choice.hint_id} == {None, *SIDE.ids}
    assert policy([0.1] * 6, calls=3).choose(STATE, EMPTY).also == ()


@pytest.mark.parametrize("knob", [{"exploration": 1.5}, {"caution": -1.0}, {"calls": 0}])
def test_knobs_out_of_range_are_refused(knob: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(knob))):
        policy([0.1] * 6, **knob)
