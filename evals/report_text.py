"""Tables as text: for the terminal, as Markdown, as CSV."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import fill

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable
from rich.text import Text

from re2llm.evals.bootstrap import Difference, Estimate
from re2llm.evals.cross_check import cross_check
from re2llm.evals.metrics import HEADLINE
from re2llm.evals.results import POLICY, Arm, Comparison, Judged
from re2llm.evals.table import Row, Table

JUDGED: dict[Judged, str] = {
    "slate": "the fused slate",
    "model": "the model's order alone",
}
LEGEND = (
    "Differences are paired over sessions, with 95 % bootstrap intervals; * means that the "
    "difference stays after Holm's correction over the rows."
)


_CSV = (
    *("model", "judged", "sessions", "arm", "metric", "mean", "low", "high"),
    *("reference", "difference", "difference_low", "difference_high", "p", "p_holm"),
)


def number(value: float) -> str:
    """Write a metric with three decimals and no leading zero, as the field does."""
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def interval(value: Estimate) -> str:
    """Write the ends of an interval."""
    return f"{number(value.low)} to {number(value.high)}"


def difference(found: Difference) -> str:
    """Write a difference, its interval, and a star where it is sure."""
    star = " *" if found.sure else ""
    return f"{signed(found.mean)} ({signed(found.low)} to {signed(found.high)}){star}"


def signed(value: float) -> str:
    """Write a difference with its sign."""
    return ("-" if value < 0 else "+") + number(abs(value))


def terminal_table(table: Table, metric: str = HEADLINE.name) -> RichTable:
    """Make the table for a terminal of 80 columns: all means, and one metric's differences."""
    degraded = "".join(
        f" {row.degraded} slates of the row {row.name!r} are degraded."
        for row in table.rows
        if row.degraded
    )
    made = RichTable(
        title=f"{table.size}, judged by {JUDGED[table.judged]}",
        caption=f"Model: {table.model_label}. {LEGEND}{degraded}",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    made.add_column("", min_width=10)
    for name in table.metrics:
        made.add_column(name, justify="right", no_wrap=True)
    for reference in table.references:
        header = fill(f"{metric} vs. {reference}", width=14)
        made.add_column(header, justify="right", no_wrap=True)
    rows = table.rows
    for place, row in enumerate(rows):
        made.add_row(
            row.name,
            *[number(row.cells[name].value.mean) for name in table.metrics],
            *[_coloured(row, reference, metric) for reference in table.references],
            style="bold" if row.name == POLICY else "",
            end_section=place + 1 < len(rows) and row.asks != rows[place + 1].asks,
        )
    return made


def _coloured(row: Row, reference: str, metric: str) -> Text:
    found = row.cells[metric].against.get(reference)
    if found is None:
        return Text("")
    style = "" if not found.sure else "green" if found.mean > 0 else "red"
    star = " *" if found.sure else "  "
    text = Text(f"{signed(found.mean)}{star}\n", style=style)
    return text.append(f"{signed(found.low)} to {signed(found.high)}", style="dim")


def as_markdown(
    comparison: Comparison,
    tables: Sequence[Table],
    findings: Sequence[str],
    pictures: Sequence[str] = (),
) -> str:
    """Write everything but the single sessions."""
    facts = comparison.facts
    lines = [f"# {facts.title}", "", f"**Model: {facts.model_label}**", ""]
    lines += [f"Data: {facts.data}; {tables[0].size}.", ""]
    lines += [f"- {sentence}" for sentence in findings] + [""]
    for table in tables:
        lines += [f"## Judged by {JUDGED[table.judged]}", ""]
        lines += markdown_table(table)
        for reference in table.references:
            lines += ["", f"Difference to {reference!r}:", ""]
            lines += _differences(table, reference)
        lines += ["", f"Model: {table.model_label}. {LEGEND}", ""]
    lines += [f"![{name}]({name}.png)" for name in pictures] + [""]
    lines += ["## What it cost", "", *_costs(comparison), ""]
    lines += ["## How to repeat it", ""] + [f"- {k}: {v}" for k, v in how(comparison).items()]
    if facts.prompts:
        lines += ["", "## Prompts in full"]
    for name, text in facts.prompts.items():
        lines += ["", f"### {name}", "", "````", text.rstrip(), "````"]
    return "\n".join(lines) + "\n"


def markdown_table(table: Table) -> list[str]:
    """Return the lines of a Markdown table of means with intervals."""
    header = ["", *table.metrics]
    rows = [
        [row.name] + [f"{number(c.value.mean)} ({interval(c.value)})" for c in row.cells.values()]
        for row in table.rows
    ]
    return _lines(header, rows)


def _differences(table: Table, reference: str) -> list[str]:
    rows = [
        [row.name] + [difference(cell.against[reference]) for cell in row.cells.values()]
        for row in table.rows
        if row.name != reference
    ]
    return _lines(["", *table.metrics], rows)


def _lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(header) - 1)
    cells = [[_cell(cell) for cell in row] for row in (header, rule, *rows)]
    return ["| " + " | ".join(row) + " |" for row in cells]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def cost_rows(comparison: Comparison) -> list[list[str]]:
    """Return, per arm that asked, its bill in text; the header comes first."""
    header = ["", "calls", "from cache", "tokens in", "tokens out", "money", "degraded",
              "s per slate (median)"]  # fmt: skip
    return [header] + [_bill(arm) for arm in comparison.arms if arm.asks]


def _bill(arm: Arm) -> list[str]:
    usage = arm.usage
    middle = sorted(arm.seconds)[len(arm.seconds) // 2] if arm.seconds else 0.0
    return [
        arm.name, f"{usage.calls:,}", f"{usage.cache_hits:,}", f"{usage.input_tokens:,}",
        f"{usage.output_tokens:,}", f"{usage.cost:.4f}", f"{arm.degraded_count:,}",
        f"{middle:.3f}",
    ]  # fmt: skip


def _costs(comparison: Comparison) -> list[str]:
    header, *rows = cost_rows(comparison)
    return _lines(header, rows)


def how(comparison: Comparison) -> dict[str, str]:
    """Say what is needed to repeat a run."""
    facts = comparison.facts
    told = {"model": facts.model_label, "data": facts.data, "seed": str(facts.seed)}
    if facts.command:
        told["command"] = facts.command
    if facts.started:
        told["started"] = datetime.fromtimestamp(facts.started, UTC).isoformat(timespec="seconds")
    return told | dict(facts.more) | {"metrics": cross_check(comparison)}


def as_csv(tables: Sequence[Table]) -> str:
    """Write one line per judged order, arm, metric and reference."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_CSV)
    for table in tables:
        for row in table.rows:
            for metric, cell in row.cells.items():
                value = cell.value
                start = [table.model_label, table.judged, table.sessions, row.name, metric,
                         value.mean, value.low, value.high]  # fmt: skip
                writer.writerow([*start, *[""] * 6])
                for name, d in cell.against.items():
                    writer.writerow([*start, name, d.mean, d.low, d.high, d.p, d.p_holm])
    return file.getvalue()
