"""The record of a training: a folder with pictures and numbers, and a summary for the terminal."""

import json
import math
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from re2llm.evals.drawing import as_png
from re2llm.evals.training_pictures import training_pictures
from re2llm.graph.learn import Learnt

NUMBERS = "training.json"
_MOST_ROWS = 12


def write_training(learnt: Learnt, folder: Path, *, model_label: str) -> list[Path]:
    """Write `training.json` and the pictures; returns what was written.

    Args:
        learnt: what a training brought.
        folder: made where it is missing; a training of the same version replaces its record.
        model_label: names what answered, in every picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {
        "version": learnt.version,
        "model": model_label,
        "gate": asdict(learnt.decision),
        "instead": None if learnt.instead is None else asdict(learnt.instead),
        "held-out ndcg without a hint": learnt.base,
        "hints": learnt.hints,
        "values measured": learnt.paid,
        "gains from served slates": learnt.logged,
        "model calls": learnt.usage.calls,
        "promoted": [hint.text for hint in learnt.promoted],
        **asdict(learnt.diagnosis),
    }
    written = [folder / NUMBERS]
    text = json.dumps(_plain(numbers), ensure_ascii=False, indent=1)
    written[0].write_text(text + "\n", "utf-8")
    for name, figure in training_pictures(learnt.diagnosis, model_label).items():
        path = folder / f"{name}.png"
        path.write_bytes(as_png(figure))
        written.append(path)
    return written


def training_tables(learnt: Learnt) -> list[Table]:
    """Return the summary for a terminal: the curve, gains by hint, calibration."""
    found = learnt.diagnosis
    tables = []
    if found.slate_curve:
        curve = Table("rewards", "slate", "learnt by", title="Held-out gain in NDCG over no hint")
        by_calls = {point.calls: point for point in found.learnt_curve}
        for point in found.slate_curve:
            other = by_calls.get(point.calls)
            told = f"{other.gain:+.4f}" if other else ""
            curve.add_row(
                f"{point.calls:,}",
                f"{point.gain:+.4f} ({point.low:+.4f} to {point.high:+.4f})",
                told,
            )
        curve.add_row("best static hint", _number(found.slate_static), _number(found.learnt_static))
        curve.add_row("random hint", "", _number(found.random))
        curve.add_row("best choice, as believed", "", _number(found.believed))
        tables.append(curve)
    totals: dict[str, list[float]] = {}
    for cell in found.cells:
        if cell.hint is not None:
            total = totals.setdefault(cell.hint, [0.0, 0.0])
            total[0] += cell.sessions
            total[1] += cell.sessions * cell.gain
    if totals:
        title = f"Hints on held-out sessions; {found.hinted:.0%} of them get one"
        hints = Table("hint", "sessions", "mean reward", title=title)
        most = sorted(totals.items(), key=lambda one: (-one[1][0], one[0]))[:_MOST_ROWS]
        for hint, (sessions, gain) in most:
            hints.add_row(escape(hint), f"{sessions:.0f}", f"{gain / sessions:+.4f}")
        tables.append(hints)
    if found.bins:
        bins = Table("predicted gain", "measured", "sessions", title="Calibration")
        for one in found.bins:
            bins.add_row(f"{one.predicted:+.4f}", f"{one.measured:+.4f}", str(one.sessions))
        tables.append(bins)
    return tables


def _number(value: float) -> str:
    return f"{value:+.4f}" if math.isfinite(value) else ""


def _plain(value: object) -> object:
    """Return what JSON can say; a number that is none becomes null."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
