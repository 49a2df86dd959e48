from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_tasks import make_task

from re2llm.errors import UserError
from re2llm.llm.fallback import retrieval_order
from re2llm.llm.mix import Mix, MixExample, fit_mix
from re2llm.llm.ranking import RankAnswer
from re2llm.llm.usage import Usage

N = 12
IDS = tuple(f"c{i}" for i in range(N))
TASK = make_task(N)


def says(order: tuple[str, ...], listed: int = N, calls: int = 1) -> RankAnswer:
    return RankAnswer(order=order, listed=listed, usage=Usage(calls=calls))


def examples(n: int, *, strengths: tuple[float, ...], seed: int = 0) -> list[MixExample]:
    """Sessions whose target each asking ranks well with its strength, erring independently."""
    chance = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        target = int(chance.integers(N))
        answers = []
        for strength in strengths:
            scores = chance.normal(size=N) + strength * np.eye(N)[target]
            answers.append(says(tuple(IDS[i] for i in np.argsort(-scores))))
        candidates = tuple(replace(one, score=float(chance.normal())) for one in TASK.candidates)
        made.append(
            MixExample(
                task=replace(TASK, candidates=candidates),
                answers=tuple(answers),
                target=IDS[target],
            )
        )
    return made


@given(
    orders=st.lists(st.tuples(st.permutations(IDS), st.integers(0, N)), min_size=1, max_size=4),
    further=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_any_answers_give_a_complete_order_and_the_whole_bill(orders, further) -> None:
    answers = [says(tuple(order), listed) for order, listed in orders]
    joined = Mix(further=further).join(TASK, answers)
    assert sorted(joined.order) == sorted(IDS)
    assert joined.usage.calls == len(answers)
    assert joined.listed + joined.repairs.missing == N


def test_without_weight_for_more_the_first_order_stands() -> None:
    first, second = says(IDS[::-1]), says(IDS)
    assert Mix(further=0.0).join(TASK, [first, second]).order == first.order


def test_what_two_of_three_say_goes_first() -> None:
    other = ("c1", *(i for i in IDS if i != "c1"))
    joined = Mix().join(TASK, [says(IDS), says(other), says(other)])
    assert joined.order[:2] == ("c1", "c0")


def test_a_failed_asking_is_left_out() -> None:
    failed = retrieval_order(TASK, "timed out", Usage(calls=1))
    for mix in (Mix(), Mix(further=0.0)):
        joined = mix.join(TASK, [failed, says(IDS[::-1]), says(IDS[::-1])])
        assert joined.order == IDS[::-1]
        assert joined.degraded is None
    both = Mix().join(TASK, [failed, failed])
    assert both.listed == 0
    assert both.degraded == "timed out"
    assert both.usage.calls == 2


def test_askings_that_know_as_much_are_mixed_and_the_slate_gains() -> None:
    mix = fit_mix(examples(300, strengths=(1.5, 1.5, 1.5)))
    assert mix.further >= 0.5
    assert mix.mixed is not None
    assert mix.single is not None
    assert mix.mixed > mix.single + 0.04


def test_askings_that_know_nothing_do_not_count() -> None:
    mix = fit_mix(examples(300, strengths=(2.0, 0.0, 0.0)))
    assert mix.further == 0
    assert mix.mixed == mix.single


def test_few_sessions_teach_nothing_and_all_count_alike() -> None:
    assert fit_mix(examples(5, strengths=(1.0, 1.0))) == Mix()


def test_a_mix_is_saved_and_loaded(tmp_path) -> None:
    mix = fit_mix(examples(60, strengths=(1.0, 1.0)))
    path = tmp_path / "mix.json"
    mix.save(path)
    assert Mix.load(path) == mix
    path.write_text('{"further": 7}')
    with pytest.raises(UserError, match=r"mix\.json"):
        Mix.load(path)
