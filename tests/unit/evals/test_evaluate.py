"""Arms over the same sessions: asked once, resumed, and summed up without flattery."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eval_helpers import FACTS, ITEMS, PlantedRunner, sessions

from re2llm.catalog.sessions import Session
from re2llm.errors import UserError
from re2llm.evals import arms
from re2llm.evals.baselines import Blend, Example, equal_blend, fit_blend, random_order
from re2llm.evals.evaluate import evaluate
from re2llm.evals.journal import Journal
from re2llm.evals.metrics import hit_rate, rank_of_target
from re2llm.evals.results import BEST_STATIC, NO_HINT, POLICY, RANDOM_HINT, Comparison, SlateResult
from re2llm.evals.table import make_table

PLANS = [
    arms.no_hint(),
    arms.random_hint(["odd", "even"]),
    arms.static_hint("even"),
    arms.policy(),
]


async def compare(runner: PlantedRunner, n: int = 40, **more: object) -> Comparison:
    return await evaluate(runner, sessions(n), PLANS, facts=FACTS, **more)  # type: ignore[arg-type]


async def test_the_planted_policy_beats_everything() -> None:
    table = make_table(await compare(PlantedRunner()))
    policy = table.row(POLICY)
    assert policy is not None
    assert policy.cells["HR@1"].value.mean == 1
    for reference in (NO_HINT, BEST_STATIC):
        against = policy.cells["NDCG@10"].against[reference]
        assert against.low > 0
        assert against.sure
    assert set(table.row(NO_HINT).cells["MRR"].against) == {BEST_STATIC}  # type: ignore[union-attr]


async def test_the_models_own_order_is_judged_apart() -> None:
    comparison = await compare(PlantedRunner())
    slate, model = (make_table(comparison, judged).row(POLICY) for judged in ("slate", "model"))
    assert slate is not None
    assert model is not None
    assert slate.cells["HR@1"].value.mean == 1
    assert model.cells["HR@1"].value.mean == 0


async def test_rows_come_in_the_order_of_the_story() -> None:
    comparison = await compare(PlantedRunner(), fitted=Blend({"popularity": 1.0}))
    assert [arm.name for arm in comparison.arms] == [
        "random",
        "popularity",
        "text similarity",
        "blend, nothing fitted",
        "blend, fitted",
        NO_HINT,
        RANDOM_HINT,
        BEST_STATIC,
        POLICY,
    ]


class WithModels(PlantedRunner):
    """Evidence by two sequence models too; SASRec knows every target, GRU4Rec none."""

    async def slate(self, session: Session, hint_id: str | None) -> SlateResult:
        result = await super().slate(session, hint_id)
        knows = dict.fromkeys(ITEMS, 0.0) | {str(session.target): 1.0}
        evidence = {
            item_id: {**found, "sasrec": knows[item_id], "gru4rec": -knows[item_id]}
            for item_id, found in (result.evidence or {}).items()
        }
        return replace(result, evidence=evidence)


async def test_trained_sequence_models_have_rows_of_their_own() -> None:
    comparison = await compare(WithModels())
    names = [arm.name for arm in comparison.arms]
    assert names[3:5] == ["SASRec", "GRU4Rec"]
    for name, expected in (("SASRec", 1.0), ("GRU4Rec", 0.0)):
        row = make_table(comparison).row(name)
        assert row is not None
        assert row.cells["HR@1"].value.mean == expected


async def test_the_same_question_is_asked_and_billed_once() -> None:
    runner = PlantedRunner()
    comparison = await compare(runner)
    assert len(runner.asked) == len(set(runner.asked))
    static, chosen = comparison.arm(BEST_STATIC), comparison.arm(RANDOM_HINT)
    assert static is not None
    assert chosen is not None
    shared = sum(hint == "even" for hint in chosen.hint_ids)
    assert 0 < shared < 40
    assert static.usage.calls == 40 - shared
    assert comparison.usage.calls == len(runner.asked)


async def test_a_stopped_evaluation_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole = await compare(PlantedRunner())
    path = tmp_path / "answers.jsonl"
    broken = PlantedRunner(fail_after=50)
    with Journal(path, {"model": "m"}) as journal, pytest.raises(ConnectionError):
        await compare(broken, journal=journal)
    with path.open("a") as file:
        file.write('{"session": "s1", "wi')
    rest = PlantedRunner()
    with Journal(path, {"model": "m"}) as journal:
        assert len(journal) == 50
        resumed = await compare(rest, journal=journal)
    assert not set(rest.asked) & set(broken.asked)
    assert make_table(resumed) == make_table(whole)
    with Journal(path, {"model": "m"}) as journal:
        nothing = PlantedRunner()
        await compare(nothing, journal=journal)
    assert nothing.asked == []


async def test_degraded_answers_count_as_served_and_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with Journal(path, {}) as journal:
        comparison = await compare(PlantedRunner(degraded=frozenset({"s1"})), journal=journal)
    assert [row.degraded for row in make_table(comparison).rows if row.asks] == [1, 1, 1, 1]
    again = PlantedRunner()
    with Journal(path, {}) as journal:
        await compare(again, journal=journal)
    assert {session_id for session_id, _ in again.asked} == {"s1"}


def test_a_journal_of_another_model_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path / "a.jsonl", {"model": "one"}).close()
    with pytest.raises(UserError, match="'two'"):
        Journal(tmp_path / "a.jsonl", {"model": "two"})


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("dear diary\n")
    with pytest.raises(UserError, match="line 1"):
        Journal(path, {})
    assert path.read_text() == "dear diary\n"


async def test_what_cannot_be_evaluated_is_refused() -> None:
    with pytest.raises(UserError, match="no session has a target"):
        await evaluate(PlantedRunner(), [], PLANS, facts=FACTS)
    with pytest.raises(UserError, match="ids repeat"):
        await evaluate(PlantedRunner(), sessions(2) * 2, PLANS, facts=FACTS)
    with pytest.raises(UserError, match="'no hint'"):
        await evaluate(PlantedRunner(), sessions(2), PLANS[1:], facts=FACTS)


async def test_progress_is_told_up_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    await compare(PlantedRunner(), progress=lambda done, of: told.append((done, of)))
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1] == len(told) - 1


def test_a_fitted_blend_finds_what_helps() -> None:
    world = np.random.default_rng(4)
    examples = []
    for _ in range(300):
        good, noise = world.normal(size=10), world.normal(size=10)
        target = int(np.argmax(1.5 * good + world.gumbel(size=10)))
        evidence = {f"i{n}": {"good": float(good[n]), "noise": float(noise[n])} for n in range(10)}
        examples.append(Example(evidence=evidence, target=f"i{target}"))
    fitted = fit_blend(examples)
    assert fitted.weights["good"] == pytest.approx(1.5, abs=0.3)
    assert fitted.weights["noise"] == pytest.approx(0, abs=0.2)


def test_shuffled_targets_teach_a_blend_nothing() -> None:
    world = np.random.default_rng(4)
    examples = [
        Example(
            evidence={f"i{n}": {"a": float(world.normal())} for n in range(10)},
            target=f"i{world.integers(10)}",
        )
        for _ in range(300)
    ]
    assert abs(fit_blend(examples).weights["a"]) < 0.2


def test_candidate_lists_may_differ_in_length() -> None:
    examples = [
        Example(evidence={"a": {"x": 1.0}, "b": {"x": 0.0}}, target="a"),
        Example(evidence={"a": {"x": 0.0}, "b": {"x": 0.0}, "c": {"x": 2.0}}, target="c"),
    ]
    assert fit_blend(examples).weights["x"] > 0.3
    with pytest.raises(ValueError, match="no validation session"):
        fit_blend([Example(evidence={"a": {"x": 1.0}}, target="z")])


def test_random_is_as_good_as_chance_and_repeatable() -> None:
    evidence: dict[str, dict[str, float]] = {item_id: {} for item_id in ITEMS}
    orders = [random_order(evidence, salt=str(n), seed=1) for n in range(3000)]
    found = np.array([rank_of_target(order, "i0") for order in orders])
    assert hit_rate(found, 6).mean() == pytest.approx(0.5, abs=0.03)
    assert orders[0] == random_order(evidence, salt="0", seed=1)
    assert orders[0] != random_order(evidence, salt="0", seed=2)


def test_an_equal_blend_adds_up() -> None:
    evidence = {"a": {"x": 1.0, "y": -3.0}, "b": {"x": 0.0, "y": 0.0}}
    assert equal_blend(["x", "y"]).order(evidence) == ("b", "a")
    assert equal_blend(["x"]).order(evidence) == ("a", "b")
