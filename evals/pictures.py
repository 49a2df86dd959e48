"""The three pictures of a run: the main table as dots, the learning curve, who got which hint.

Every picture carries the model's label. In SVG the ink follows the page's text colour, so that one
file reads on light and dark pages.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from re2llm.evals.bootstrap import Estimate
from re2llm.evals.drawing import BLUE, GREEN, INK, LINE, ORANGE, SOFT, dress, short, style
from re2llm.evals.results import NO_HINT
from re2llm.evals.table import Table

_REFERENCE_COLOURS = (SOFT, ORANGE, GREEN, "#9a5fd0")
_SHADES = LinearSegmentedColormap.from_list("shades", [BLUE + "0d", BLUE])


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """How a policy got better as it paid for more answers.

    Attributes:
        calls: (points,) answers paid for so far, rising.
        values: (points,) the metric on held-out sessions.
        metric: its name.
        references: name to the constant that the curve is read against (no hint, random hint, best
            static hint).
        low: (points,) lower end of an interval, or empty.
        high: (points,) upper end, or empty.
        axis: what `calls` are called.
        title: what follows the metric's name.
    """

    calls: Sequence[int]
    values: Sequence[float]
    metric: str
    references: Mapping[str, float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    axis: str = "answers paid for"
    title: str = "on held-out sessions as the policy learns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Which hints went to which kinds of sessions.

    Attributes:
        kinds: names of the rows (intents, genres).
        hints: what the columns are called.
        shares: (kinds, hints) share of the kind's sessions that got the hint; rows sum to 1.
        sizes: (kinds,) how many sessions of each kind there were.
    """

    kinds: tuple[str, ...]
    hints: tuple[str, ...]
    shares: np.ndarray
    sizes: tuple[int, ...]


def count_choices(
    hint_ids: Sequence[str | None],
    kinds: Sequence[str],
    names: Mapping[str, str],
    *,
    most: int = 12,
) -> Choices:
    """Count which hints went to which kinds of sessions.

    Args:
        hint_ids: per session, the hint that it got, or None.
        kinds: per session, what kind it is.
        names: what a hint is called; its id where there is no name.
        most: how many hints get a column; the rarest share the column `other hints`.
    """
    counts: dict[str | None, int] = {}
    for hint_id in hint_ids:
        counts[hint_id] = counts.get(hint_id, 0) + 1
    given = sorted((h for h in counts if h is not None), key=lambda h: (-counts[h], h))
    columns: dict[str | None, int] = {hint: place for place, hint in enumerate(given[:most])}
    labels = [names.get(hint, hint) for hint in given[:most]]
    if rest := given[most:]:
        columns |= dict.fromkeys(rest, len(labels))
        labels.append("other hints")
    columns[None] = len(labels)
    labels.append(NO_HINT)
    rows = {kind: place for place, kind in enumerate(sorted(set(kinds)))}
    table = np.zeros((len(rows), len(labels)))
    for hint_id, kind in zip(hint_ids, kinds, strict=True):
        table[rows[kind], columns[hint_id]] += 1
    sizes = table.sum(axis=1)
    return Choices(
        kinds=tuple(rows),
        hints=tuple(labels),
        shares=table / np.maximum(sizes, 1)[:, None],
        sizes=tuple(int(size) for size in sizes),
    )


def draw_table(tables: Sequence[Table], metric: str = "NDCG@10") -> Figure:
    """Draw one metric of every arm as dots with intervals; one colour per judged order."""
    rows = tables[0].rows
    places = np.arange(len(rows))[::-1].astype(float)
    looks = {"slate": (BLUE, "fused slate", "o"), "model": (ORANGE, "model's order alone", "D")}
    with style():
        figure = Figure(figsize=(7.2, 0.34 * len(rows) + 1.7), layout="constrained")
        axes = figure.subplots()
        unasked = [
            (place, row.cells[metric].value)
            for place, row in zip(places, rows, strict=True)
            if not row.asks
        ]
        _dots(axes, unasked, SOFT, "evidence alone, no model asked", "s")
        for table in tables:
            shift = 0.0 if len(tables) == 1 else 0.14 if table.judged == "slate" else -0.14
            asked = [
                (place + shift, row.cells[metric].value)
                for place, row in zip(places, table.rows, strict=True)
                if row.asks
            ]
            _dots(axes, asked, *looks[table.judged])
        plain = tables[0].row(NO_HINT)
        if plain is not None:
            axes.axvline(plain.cells[metric].value.mean, color=SOFT, lw=1, ls=(0, (4, 3)), zorder=0)
        axes.set_yticks(places, [row.name for row in rows])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel("mean and 95 % interval; dashed: without a hint", color=SOFT)
        axes.grid(axis="x", color=LINE, lw=0.8)
        dress(axes, f"{metric}, {tables[0].size}", tables[0].model_label)
        figure.legend(loc="outside lower center", ncols=3, frameon=False, labelcolor=INK)
    return figure


def _dots(
    axes: Axes, points: Sequence[tuple[float, Estimate]], colour: str, label: str, marker: str
) -> None:
    if points:
        heights, values = zip(*points, strict=True)
        lows, highs = [value.low for value in values], [value.high for value in values]
        axes.hlines(heights, lows, highs, colors=colour, lw=1.8, alpha=0.45)
        means = [value.mean for value in values]
        axes.scatter(means, heights, s=30, color=colour, marker=marker, zorder=3, label=label)


def draw_curve(curve: LearningCurve, model_label: str) -> Figure:
    """Draw the learning curve against the calls, with its references as lines."""
    with style():
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axes = figure.subplots()
        if curve.low and curve.high:
            axes.fill_between(curve.calls, curve.low, curve.high, color=BLUE, alpha=0.14, lw=0)
        axes.plot(curve.calls, curve.values, color=BLUE, lw=2, marker="o", ms=4, label="policy")
        for (name, value), colour in zip(
            curve.references.items(), _REFERENCE_COLOURS * len(curve.references), strict=False
        ):
            axes.axhline(value, color=colour, lw=1.4, ls=(0, (5, 3)), zorder=1.5, label=name)
        axes.set_xlabel(curve.axis, color=INK)
        axes.margins(x=0.02, y=0.08)
        axes.grid(axis="y", color=LINE, lw=0.8)
        figure.legend(loc="outside lower center", ncols=5, frameon=False, labelcolor=INK)
        dress(axes, f"{curve.metric} {curve.title}", model_label)
    return figure


def draw_choices(choices: Choices, model_label: str) -> Figure:
    """Draw the shares as a heat map, rows of kinds against columns of hints."""
    kinds, hints = choices.shares.shape
    with style():
        figure = Figure(
            figsize=(max(6.6, 2.8 + 0.62 * hints), 2.4 + 0.36 * kinds), layout="constrained"
        )
        axes = figure.subplots()
        axes.imshow(choices.shares, cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
        for (row, column), share in np.ndenumerate(choices.shares):
            if share >= 0.005:
                axes.text(
                    column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8.5,
                    color="#ffffff" if share > 0.5 else INK,
                )  # fmt: skip
        axes.set_xticks(
            range(hints), [_lines(hint) for hint in choices.hints], rotation=35, ha="right",
            rotation_mode="anchor", fontsize=8.5, linespacing=0.95,
        )  # fmt: skip
        sized = zip(choices.kinds, choices.sizes, strict=True)
        axes.set_yticks(range(kinds), [f"{short(kind)} ({size})" for kind, size in sized])
        dress(axes, "Which hints went to whom, % of the row's sessions", model_label)
    return figure


def _lines(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 32, max_lines=2, placeholder=" …"))
