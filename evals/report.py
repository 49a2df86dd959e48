"""A run for people: what a report holds, what it says in sentences, and which files it becomes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from re2llm.catalog.sessions import Session
from re2llm.evals.compare import in_words
from re2llm.evals.drawing import as_png, as_svg
from re2llm.evals.drill import Group, drill_down
from re2llm.evals.metrics import HEADLINE
from re2llm.evals.pictures import (
    Choices,
    LearningCurve,
    count_choices,
    draw_choices,
    draw_curve,
    draw_table,
)
from re2llm.evals.report_html import page
from re2llm.evals.report_text import as_csv, as_markdown
from re2llm.evals.results import NO_HINT, POLICY, Arm, Comparison
from re2llm.evals.saved import save_comparison
from re2llm.evals.table import REFERENCES, Row, Table, make_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is shown of a run.

    Attributes:
        tables: judged by the fused slate, and by the model's order alone.
        findings: what the tables say, in sentences.
        groups: sessions close up.
        curve: how the policy learnt, where it is known.
        choices: which hints went to whom, where kinds of sessions are known.
    """

    comparison: Comparison
    tables: tuple[Table, ...]
    findings: tuple[str, ...]
    groups: tuple[Group, ...] = ()
    curve: LearningCurve | None = None
    choices: Choices | None = None


def make_report(
    comparison: Comparison,
    *,
    sessions: Sequence[Session] = (),
    titles: Mapping[str, str] | None = None,
    hints: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    curve: LearningCurve | None = None,
    references: Sequence[str] = REFERENCES,
    closely: str = POLICY,
) -> Report:
    """Sum up a run.

    Args:
        comparison: what was measured.
        sessions: those evaluated; without them no session is shown close up.
        titles: of items, by id.
        hints: texts or names, by id.
        kinds: session id to what kind of session it is (intent, genre).
        curve: how the policy learnt.
        references: the rows that the others are compared with.
        closely: the row whose sessions and choices are shown; the last one where there is none.
    """
    tables = (
        make_table(comparison, "slate", references=references),
        make_table(comparison, "model", references=references),
    )
    before, after = comparison.arm(NO_HINT), comparison.arm(closely)
    if after is None:
        after = comparison.arms[-1]
    groups: tuple[Group, ...] = ()
    choices = None
    if sessions and before is not None and after.asks and after is not before:
        groups = drill_down(
            comparison, before, after, sessions=sessions, titles=titles or {}, hints=hints or {}
        )
    if kinds and after.asks:
        choices = count_choices(
            after.hint_ids,
            [kinds.get(session_id, "other") for session_id in comparison.session_ids],
            hints or {},
        )
    return Report(
        comparison=comparison,
        tables=tables,
        findings=(*find(tables[0]), *missed(before)),
        groups=groups,
        curve=curve,
        choices=choices,
    )


def find(table: Table, metric: str = HEADLINE.name) -> tuple[str, ...]:
    """Say what the table shows of the policy, or of the last row, as plainly as it is."""
    row = table.row(POLICY) or table.rows[-1]
    said = [against(row, reference, metric) for reference in row.cells[metric].against]
    unasked = [other for other in table.rows if not other.asks]
    if unasked:
        asked = [table.row(POLICY)] if table.row(POLICY) else [o for o in table.rows if o.asks]
        theirs, mine = (_best([other for other in of if other], metric) for of in (unasked, asked))
        said.append(
            f"The best order that asks no model is {theirs.name!r} with {metric} "
            f"{theirs.cells[metric].value.mean:.3f}; the row {mine.name!r} has "
            f"{mine.cells[metric].value.mean:.3f}."
        )
    if row.degraded:
        said.append(
            f"{row.degraded} of {table.sessions} slates of the row {row.name!r} are degraded: the "
            "model's word is not (fully) behind them. They count as they were served."
        )
    return tuple(said)


def missed(arm: Arm | None) -> tuple[str, ...]:
    """Say in how many sessions no order could have found the target, if there are any."""
    lost = 0 if arm is None else int(np.isinf(arm.ranks["slate"]).sum())
    if arm is None or not lost:
        return ()
    of = len(arm.ranks["slate"])
    return (
        f"The target is among the candidates in {of - lost:,} of {of:,} lists, which bounds the "
        f"HR@k of any row ({(of - lost) / of:.3f}); in the others every metric is 0.",
    )


def _best(rows: Sequence[Row], metric: str) -> Row:
    return max(rows, key=lambda row: row.cells[metric].value.mean)


def against(row: Row, reference: str, metric: str = HEADLINE.name) -> str:
    """Say how a row stands to a reference."""
    difference = row.cells[metric].against[reference]
    if difference.low == difference.mean == difference.high == 0:
        return f"The row {row.name!r} has the {metric} of {reference!r} in every session."
    if not difference.sure:
        verdict = "cannot be told apart from"
    else:
        verdict = "is better than" if difference.mean > 0 else "is worse than"
    return f"The row {row.name!r} {verdict} {reference!r} on {metric}: {in_words(difference)}."


def write_report(report: Report, folder: Path) -> Path:
    """Write the report's files into a folder, made if needed; returns the HTML page's path.

    `report.html` needs no other file. Beside it lie `report.md` with its pictures, `table.csv`,
    `tables.json` and `comparison.json`, which `compare` reads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    label = report.comparison.facts.model_label
    figures = {"table": draw_table(report.tables)}
    if report.curve is not None:
        figures["learning"] = draw_curve(report.curve, label)
    if report.choices is not None:
        figures["choices"] = draw_choices(report.choices, label)
    for name, figure in figures.items():
        (folder / f"{name}.png").write_bytes(as_png(figure))
    drawn = {name: as_svg(figure) for name, figure in figures.items()}
    save_comparison(report.comparison, folder / "comparison.json")
    texts = {
        "report.md": as_markdown(report.comparison, report.tables, report.findings, list(figures)),
        "table.csv": as_csv(report.tables),
        "tables.json": json.dumps([asdict(table) for table in report.tables], indent=1),
        "report.html": page(
            report.comparison, report.tables, report.findings, report.groups, drawn
        ),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "report.html"
