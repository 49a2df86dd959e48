"""Pictures of a training: its curve, gains by hint and kind, calibration, the learner."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure

from re2llm.evals.drawing import BLUE, INK, LINE, ORANGE, SOFT, dress, short, style
from re2llm.evals.pictures import LearningCurve, draw_curve
from re2llm.graph.diagnosis import Bin, Cell, Diagnosis
from re2llm.graph.judging import CurvePoint
from re2llm.policy.training import Point

_BOTH_WAYS = LinearSegmentedColormap.from_list("both ways", [ORANGE, "#ffffff", BLUE])
_MOST_HINTS = 12
_LEAST_SPAN = 0.05


def training_pictures(found: Diagnosis, model_label: str) -> dict[str, Figure]:
    """Return the pictures by name; what there is nothing to show of is left out."""
    figures: dict[str, Figure] = {}
    if found.slate_curve:
        references = {"no hint": 0.0, "best static hint": found.slate_static}
        figures["curve-slate"] = _curve(
            found.slate_curve, references, "Gain of the slate in NDCG", model_label
        )
    if found.learnt_by != "slate" and found.learnt_curve:
        references = {
            "no hint": 0.0,
            "random hint": found.random,
            "best static hint": found.learnt_static,
            "best, as believed": found.believed,
        }
        what = "Gain of the model's own order in NDCG"
        figures["curve-learnt"] = _curve(found.learnt_curve, references, what, model_label)
    if any(cell.hint is not None for cell in found.cells):
        figures["hints"] = draw_cells(found.cells, model_label)
    if found.bins:
        figures["calibration"] = draw_calibration(found.bins, model_label)
    if found.points:
        figures["learner"] = draw_learner(found.points, model_label)
    return figures


def _curve(
    points: Sequence[CurvePoint], references: dict[str, float], metric: str, model_label: str
) -> Figure:
    known = {name: value for name, value in references.items() if math.isfinite(value)}
    curve = LearningCurve(
        calls=[point.calls for point in points],
        values=[point.gain for point in points],
        low=[point.low for point in points],
        high=[point.high for point in points],
        metric=metric,
        references=known,
        axis="(session, hint) rewards paid for",
        title="on held-out sessions",
    )
    return draw_curve(curve, model_label)


def draw_cells(cells: Sequence[Cell], model_label: str) -> Figure:
    """Draw mean rewards as a heat map, hints against kinds of session; their number is below.

    Sessions without a hint gain nothing by definition and are left out.
    """
    given = [cell for cell in cells if cell.hint is not None]
    counts: dict[str, int] = {}
    for cell in given:
        counts[str(cell.hint)] = counts.get(str(cell.hint), 0) + cell.sessions
    hints = sorted(counts, key=lambda hint: (-counts[hint], hint))[:_MOST_HINTS]
    kinds = sorted({cell.kind for cell in given})
    table = np.full((len(hints), len(kinds)), np.nan)
    by_place = {(str(cell.hint), cell.kind): cell for cell in given}
    span = max([_LEAST_SPAN, *(abs(cell.gain) for cell in given)])
    with style():
        figure = Figure(
            figsize=(max(6.6, 3.6 + 0.7 * len(kinds)), 2.2 + 0.45 * len(hints)),
            layout="constrained",
        )
        axes = figure.subplots()
        for row, hint in enumerate(hints):
            for column, kind in enumerate(kinds):
                cell_ = by_place.get((hint, kind))
                if cell_ is None:
                    continue
                table[row, column] = cell_.gain
                axes.text(
                    column, row, f"{cell_.gain:+.2f}\n({cell_.sessions})", ha="center",
                    va="center", fontsize=7.5, color=INK,
                )  # fmt: skip
        axes.imshow(table, cmap=_BOTH_WAYS, norm=TwoSlopeNorm(0, -span, span), aspect="auto")
        axes.set_xticks(
            range(len(kinds)), [short(kind, 24) for kind in kinds], rotation=35, ha="right",
            rotation_mode="anchor", fontsize=8.5,
        )  # fmt: skip
        axes.set_yticks(range(len(hints)), [short(hint, 44) for hint in hints], fontsize=8.5)
        dress(axes, "Mean reward by hint and kind (sessions)", model_label)
    return figure


def draw_calibration(bins: Sequence[Bin], model_label: str) -> Figure:
    """Draw measured against predicted gain; a calibrated policy lies on the line."""
    predicted = [one.predicted for one in bins]
    measured = [one.measured for one in bins]
    ends = [min([0.0, *predicted, *measured]), max([_LEAST_SPAN, *predicted, *measured])]
    with style():
        figure = Figure(figsize=(4.8, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(ends, ends, color=SOFT, lw=1.2, ls=(0, (5, 3)))
        sizes = [12 + 2 * one.sessions for one in bins]
        axes.scatter(predicted, measured, s=sizes, color=BLUE, alpha=0.8)
        axes.set_xlabel("predicted gain", color=INK)
        axes.set_ylabel("measured gain, held out", color=INK)
        axes.grid(color=LINE, lw=0.8)
        dress(axes, "Are predicted gains true?", model_label)
    return figure


def draw_learner(points: Sequence[Point], model_label: str) -> Figure:
    """Draw what the learner said of itself: rewards, hinted share, and PPO's entropy, KL, clip."""
    calls = [point.calls for point in points]
    panels = {
        "mean reward of a batch": [point.reward for point in points],
        "share with a hint": [point.hinted for point in points],
        "entropy, nats": [point.entropy for point in points],
        "approximate KL, nats": [point.approx_kl for point in points],
        "clip fraction": [point.clip_fraction for point in points],
    }
    shown = {name: row for name, row in panels.items() if any(math.isfinite(v) for v in row)}
    with style():
        figure = Figure(figsize=(7.2, 1.2 + 1.5 * len(shown)), layout="constrained")
        found = figure.subplots(len(shown), 1, sharex=True, squeeze=False)
        for axes, (name, row) in zip(found[:, 0], shown.items(), strict=True):
            _panel(axes, calls, row, name)
        found[-1, 0].set_xlabel("(session, hint) rewards paid for", color=INK)
        dress(found[0, 0], "The learner on training sessions", model_label)
    return figure


def _panel(axes: Axes, calls: Sequence[int], row: Sequence[float], name: str) -> None:
    axes.plot(calls, row, color=BLUE, lw=1.6, marker="o", ms=2.5)
    axes.set_ylabel(name, color=INK, fontsize=8.5)
    axes.grid(axis="y", color=LINE, lw=0.8)
    axes.tick_params(length=0, colors=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
