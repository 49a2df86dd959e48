"""`re2llm compare` as a gate: 0 where the new run may go out, 1 where it is surely worse."""

from pathlib import Path

import pytest
import typer
from eval_helpers import FACTS, PlantedRunner, sessions

from re2llm.commands.judge import compare
from re2llm.errors import UserError
from re2llm.evals import arms
from re2llm.evals.evaluate import evaluate
from re2llm.evals.results import BEST_STATIC
from re2llm.evals.saved import save_comparison


@pytest.fixture
async def runs(tmp_path: Path) -> Path:
    """Two runs: in `good` the policy helps everyone, in `poor` the same row is one hint for all."""
    made = await evaluate(
        PlantedRunner(), sessions(60), [arms.no_hint(), arms.policy()], facts=FACTS
    )
    poor = await evaluate(
        PlantedRunner(),
        sessions(60),
        [arms.no_hint(), arms.static_hint("even", "policy")],
        facts=FACTS,
    )
    for name, comparison in {"good": made, "poor": poor}.items():
        (tmp_path / name).mkdir()
        save_comparison(comparison, tmp_path / name / "comparison.json")
    return tmp_path


@pytest.mark.parametrize(
    ("first", "second", "code"), [("good", "poor", 1), ("poor", "good", 0), ("good", "good", 0)]
)
def test_the_exit_code_is_the_gates_answer(
    runs: Path, capsys: pytest.CaptureFixture[str], first: str, second: str, code: int
) -> None:
    with pytest.raises(typer.Exit) as ended:
        compare(runs / first, runs / second)
    assert ended.value.exit_code == code
    said = capsys.readouterr().out
    assert "60 shared sessions" in " ".join(said.split())


def test_what_cannot_be_compared_is_no_verdict(runs: Path) -> None:
    with pytest.raises(UserError, match="no saved evaluation"):
        compare(runs / "good", runs / "nothing")
    with pytest.raises(UserError, match="no row"):
        compare(runs / "good", runs / "poor", arm=BEST_STATIC)


def test_another_metric_or_order_can_decide(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        compare(runs / "good", runs / "poor", metric="HR@1", judged="model")
    said = capsys.readouterr().out
    assert "on HR@1 of the row 'policy'" in said
    assert said.count("\n") == 1  # one sentence, one line: a gate's log can be searched
    with pytest.raises(UserError, match="no metric 'HR@7'; there are HR@1, "):
        compare(runs / "good", runs / "poor", metric="HR@7")


def test_a_report_and_an_experiment_are_two_kinds(runs: Path) -> None:
    (runs / "there").mkdir()
    (runs / "there" / "experiment.json").write_text("{}", "utf-8")
    with pytest.raises(UserError, match="of two kinds"):
        compare(runs / "good", runs / "there")
