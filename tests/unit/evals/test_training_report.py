"""The record of a training: numbers that can be read back, pictures that show what there is."""

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from re2llm.evals.training_report import NUMBERS, training_tables, write_training
from re2llm.graph.diagnosis import Bin, Cell, Diagnosis, by_hint_and_kind, calibration
from re2llm.graph.judging import CurvePoint
from re2llm.graph.learn import Learnt
from re2llm.llm.usage import Usage
from re2llm.policy.bootstrap import Interval
from re2llm.policy.gate import Decision
from re2llm.policy.training import Point

NAN = float("nan")


def learnt(*, ppo: bool, by: str = "model") -> Learnt:
    curve = tuple(
        CurvePoint(calls=100 * n, gain=0.01 * n, low=0.005 * n, high=0.02 * n) for n in (1, 2, 3)
    )
    point = {"entropy": 1.2, "approx_kl": 0.01, "clip_fraction": 0.2} if ppo else {}
    return Learnt(
        version="v0003",
        decision=Decision(
            serves=True,
            words="serves",
            over_none=Interval(mean=0.03, low=0.01, high=0.05),
            over_static=Interval(mean=NAN, low=NAN, high=NAN),
            static_hint="h1",
            over_incumbent=Interval(mean=0.01, low=-0.01, high=0.03),
            incumbent="v0002",
            hinted=0.5,
        ),
        instead=None,
        base=0.4,
        promoted=(),
        hints=2,
        paid=345,
        usage=Usage(calls=9),
        logged=0,
        diagnosis=Diagnosis(
            learnt_by=by,
            slate_curve=curve,
            learnt_curve=curve,
            slate_static=0.01,
            learnt_static=0.015,
            random=-0.02,
            believed=0.04,
            cells=(
                Cell(hint="Prefer [cheap] ones.", kind="short", sessions=9, gain=0.1),
                Cell(hint=None, kind="long", sessions=9, gain=0.0),
            ),
            bins=() if ppo else (Bin(predicted=0.1, measured=0.08, sessions=9),),
            hinted=0.5,
            points=tuple(Point(calls=n, reward=0.1, hinted=0.4, **point) for n in (1, 2)),
        ),
    )


@pytest.mark.parametrize("ppo", [True, False])
def test_the_folder_holds_numbers_and_the_pictures_that_there_are(
    tmp_path: Path, ppo: bool
) -> None:
    written = write_training(learnt(ppo=ppo), tmp_path / "run", model_label="a model")
    names = {path.name for path in written}
    assert names == {path.name for path in (tmp_path / "run").iterdir()}
    assert {NUMBERS, "curve-slate.png", "curve-learnt.png", "hints.png", "learner.png"} <= names
    assert ("calibration.png" in names) != ppo
    numbers = json.loads((tmp_path / "run" / NUMBERS).read_text("utf-8"))
    assert numbers["model"] == "a model"
    assert numbers["values measured"] == 345
    assert numbers["gate"]["over_static"]["mean"] is None
    assert [point["calls"] for point in numbers["slate_curve"]] == [100, 200, 300]
    assert (numbers["points"][0]["entropy"] is None) != ppo
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in written[1:])


def test_what_is_learnt_by_the_slate_has_one_curve(tmp_path: Path) -> None:
    found = write_training(learnt(ppo=True, by="slate"), tmp_path, model_label="a model")
    assert "curve-learnt.png" not in {path.name for path in found}


def test_the_terminal_shows_curve_hints_and_calibration() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    for table in training_tables(learnt(ppo=False)):
        console.print(table)
    said = console.export_text()
    for words in ("+0.0300", "Prefer [cheap] ones.", "50% of them get one", "+0.0800", "-0.0200"):
        assert words in said


def test_gains_are_summed_up_by_hint_and_kind_without_what_was_not_measured() -> None:
    gains = np.array([0.1, 0.3, math.nan, 0.0])
    cells = by_hint_and_kind(["a", "a", "a", None], ["x", "x", "y", "y"], gains)
    assert [(cell.hint, cell.kind, cell.sessions) for cell in cells] == [
        (None, "y", 1),
        ("a", "x", 2),
    ]
    assert cells[1].gain == pytest.approx(0.2)


def test_calibration_sorts_predictions_into_bins_of_like_size() -> None:
    predicted = np.linspace(0, 1, 40)
    bins = calibration(predicted, np.where(predicted > 0.9, math.nan, predicted / 2))
    assert sum(one.sessions for one in bins) == 36
    assert max(one.sessions for one in bins) - min(one.sessions for one in bins) <= 1
    assert all(one.measured == pytest.approx(one.predicted / 2) for one in bins)
    assert calibration(predicted[:4], predicted[:4]) == ()
