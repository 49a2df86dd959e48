from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_tasks import make_task

from re2llm.errors import UserError
from re2llm.llm.fusion import SAFE_WEIGHT, FusionExample, SlateFusion, fit_weight
from re2llm.llm.ranking import RankAnswer

IDS = tuple(f"c{i}" for i in range(20))


def examples(n, *, model, retrieval, seed=0):
    """Sessions whose target ranks well with the given strength (0: at random)."""
    chance = np.random.default_rng(seed)
    for _ in range(n):
        target = int(chance.integers(20))
        signal = np.eye(20)[target]
        scores = chance.normal(size=20) + retrieval * signal
        task = make_task(20)
        order = np.argsort(-scores)
        candidates = tuple(replace(task.candidates[i], score=float(scores[i])) for i in order)
        said = np.argsort(-(chance.normal(size=20) + model * signal))
        answer = RankAnswer(order=tuple(IDS[i] for i in said), listed=20)
        yield FusionExample(candidates=candidates, answer=answer, target=IDS[target])


def test_without_data_the_weight_is_small_and_safe():
    assert fit_weight([]).weight == SAFE_WEIGHT
    assert fit_weight(list(examples(9, model=3, retrieval=1))).sessions == 0


def test_a_model_that_knows_more_is_listened_to():
    fusion = fit_weight(list(examples(200, model=3, retrieval=0.5)))
    assert fusion.weight >= 1
    assert fusion.fused is not None
    assert fusion.retrieval is not None
    assert fusion.fused > fusion.retrieval + 0.2


@pytest.mark.parametrize("seed", range(6))
def test_a_model_that_knows_nothing_is_not(seed):
    fusion = fit_weight(list(examples(150, model=0, retrieval=2, seed=seed)))
    assert fusion.weight <= 0.1


def test_both_together_are_better_than_either():
    train = list(examples(400, model=1.5, retrieval=1.5))
    fusion = fit_weight(train)
    held_out = list(examples(600, model=1.5, retrieval=1.5, seed=1))

    def first(weight):
        fused = SlateFusion(weight=weight)
        hits = [fused.fuse(e.candidates, e.answer)[0][0] == e.target for e in held_out]
        return np.mean(hits)

    assert first(fusion.weight) > first(0.0) + 0.05
    assert first(fusion.weight) > first(1000.0) + 0.05


def test_weight_zero_is_the_retrieval_order_exactly():
    for example in examples(5, model=1, retrieval=1):
        fused = SlateFusion(weight=0).fuse(example.candidates, example.answer)
        assert [i for i, _ in fused] == [c.item.item_id for c in example.candidates]


def test_an_answer_without_a_word_changes_nothing():
    task = make_task(20)
    answer = RankAnswer(order=tuple(reversed(IDS)), listed=0, degraded="down")
    fused = SlateFusion(weight=9).fuse(task.candidates, answer)
    assert [i for i, _ in fused] == list(IDS)


def cut(example, listed):
    answer = replace(example.answer, listed=listed, degraded=f"{listed} of 20 named")
    return replace(example, answer=answer)


def test_answers_that_list_nothing_are_not_learnt_from():
    broken = [cut(example, 0) for example in examples(100, model=3, retrieval=0.5)]
    assert fit_weight(broken).sessions == 0


def test_short_answers_are_learnt_from_as_they_are_served():
    poor = [cut(example, 3) for example in examples(100, model=0, retrieval=2)]
    good = [cut(example, 3) for example in examples(100, model=3, retrieval=0.5)]
    assert (fit_weight(poor).weight, fit_weight(poor).sessions) == (0, 100)
    assert fit_weight(good).weight >= 1


def test_unlisted_items_keep_their_order_among_themselves():
    task = make_task(20)
    answer = RankAnswer(order=("c9", *(i for i in IDS if i != "c9")), listed=1)
    fused = [i for i, _ in SlateFusion(weight=5).fuse(task.candidates, answer)]
    assert fused == ["c9", *(i for i in IDS if i != "c9")]


@given(
    scores=st.lists(st.floats(), min_size=1, max_size=12),
    weight=st.floats(0, 100),
    listed=st.integers(0, 12),
    data=st.data(),
)
def test_any_scores_give_a_permutation(scores, weight, listed, data):
    task = make_task(len(scores))
    candidates = tuple(
        replace(c, score=score) for c, score in zip(task.candidates, scores, strict=True)
    )
    ids = [c.item.item_id for c in candidates]
    order = tuple(data.draw(st.permutations(ids)))
    answer = RankAnswer(order=order, listed=min(listed, len(ids)))
    fused = SlateFusion(weight=weight).fuse(candidates, answer)
    assert sorted(i for i, _ in fused) == sorted(ids)
    values = [score for _, score in fused]
    assert np.isfinite(values).all()
    assert values == sorted(values, reverse=True)


def test_a_weight_comes_back_from_its_file(tmp_path):
    path = tmp_path / "fusion.json"
    fusion = fit_weight(list(examples(60, model=2, retrieval=1)))
    fusion.save(path)
    assert SlateFusion.load(path) == fusion
    path.write_text('{"weight": -1}')
    with pytest.raises(UserError, match=r"fusion\.json"):
        SlateFusion.load(path)
