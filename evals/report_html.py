"""A run as one HTML page that needs nothing else: no script, no font, no request."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from re2llm.evals.bootstrap import Difference
from re2llm.evals.drill import Close, Group
from re2llm.evals.metrics import HEADLINE
from re2llm.evals.report_style import CSS
from re2llm.evals.report_text import JUDGED, LEGEND, cost_rows, how, interval, number, signed
from re2llm.evals.results import POLICY, Comparison
from re2llm.evals.table import Row, Table

_CAPTIONS = {
    "table": "Every row with its interval.",
    "learning": "How the policy got better, against what needs no policy.",
    "choices": "Which hints the policy gave to whom.",
}


def page(
    comparison: Comparison,
    tables: Sequence[Table],
    findings: Sequence[str],
    groups: Sequence[Group],
    pictures: Mapping[str, str],
) -> str:
    """Return the page.

    Args:
        comparison: what was measured.
        tables: one per judged order.
        findings: sentences for the top.
        groups: sessions close up.
        pictures: name to SVG element.
    """
    facts = comparison.facts
    parts = [
        f"<header><h1>{escape(facts.title)}</h1>",
        f'<p class="label">Model: {escape(facts.model_label)}</p>',
        f"<p>{escape(facts.data)}; {tables[0].size}.</p></header>",
        "<ul class=findings>" + "".join(f"<li>{escape(s)}</li>" for s in findings) + "</ul>",
    ]
    parts += [_table(table) for table in tables]
    if pictures:
        parts.append("<section><h2>Pictures</h2>")
        parts += [
            f"<figure>{svg}<figcaption>{escape(_CAPTIONS.get(name, name))}</figcaption></figure>"
            for name, svg in pictures.items()
        ]
        parts.append("</section>")
    if groups:
        parts.append("<section><h2>Session by session</h2>")
        parts.append("<p>Open one to see what changed. The item that came next is marked.</p>")
        parts += [_group(group) for group in groups]
        parts.append("</section>")
    header, *rows = cost_rows(comparison)
    parts.append("<section><h2>What it cost</h2>" + _plain(header, rows))
    parts.append(
        "<p class=quiet>An answer that several rows share is billed to the first one.</p></section>"
    )
    told = "".join(
        f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in how(comparison).items()
    )
    parts.append(f"<section><h2>How to repeat it</h2><dl>{told}</dl></section>")
    if facts.prompts:
        parts.append("<section><h2>Prompts in full</h2>")
        parts += [
            f"<details><summary>{escape(name)}</summary><pre>{escape(text)}</pre></details>"
            for name, text in facts.prompts.items()
        ]
        parts.append("</section>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(facts.title)}</title><style>{CSS}</style></head>\n<body><main>\n"
        + "\n".join(parts)
        + f"\n<footer>Model: {escape(facts.model_label)}</footer></main></body></html>\n"
    )


def _table(table: Table) -> str:
    deltas = [f"{HEADLINE.name} vs. {name}" for name in table.references]
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in (*table.metrics, *deltas))
    rows = "".join(_row(row, table.references) for row in table.rows)
    every = "".join(_differences(table, reference) for reference in table.references)
    return (
        f"<section><h2>Judged by {escape(JUDGED[table.judged])}</h2>"
        f"<div class=wide><table><thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
        f"<p class=quiet>Model: {escape(table.model_label)}. {escape(LEGEND)}</p>"
        f"<details><summary>Differences on every metric</summary>{every}</details></section>"
    )


def _row(row: Row, references: Sequence[str]) -> str:
    kind = "policy" if row.name == POLICY else "asked" if row.asks else "unasked"
    note = f"<small>{row.degraded} degraded</small>" if row.degraded else ""
    means = "".join(
        f"<td>{number(cell.value.mean)}<small>{interval(cell.value)}</small></td>"
        for cell in row.cells.values()
    )
    against = row.cells[HEADLINE.name].against
    deltas = "".join(f"<td>{_delta(against.get(name))}</td>" for name in references)
    return f"<tr class={kind}><th scope=row>{escape(row.name)}{note}</th>{means}{deltas}</tr>"


def _differences(table: Table, reference: str) -> str:
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in table.metrics)
    rows = "".join(
        f"<tr><th scope=row>{escape(row.name)}</th>"
        + "".join(f"<td>{_delta(cell.against[reference])}</td>" for cell in row.cells.values())
        + "</tr>"
        for row in table.rows
        if row.name != reference
    )
    return (
        f"<h4>Against {escape(reference)}</h4><div class=wide><table><thead><tr><th></th>{head}"
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _delta(found: Difference | None) -> str:
    if found is None:
        return ""
    tone = "" if not found.sure else "up" if found.mean > 0 else "down"
    star = " *" if found.sure else ""
    return (
        f'<span class="{tone}" title="p {found.p_holm:.4f}">{signed(found.mean)}{star}'
        f"<small>{signed(found.low)} to {signed(found.high)}</small></span>"
    )


def _plain(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col>{escape(text)}</th>" for text in header)
    body = "".join(
        f"<tr><th scope=row>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(text)}</td>" for text in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _group(group: Group) -> str:
    return f"<h3>{escape(group.name)}</h3>" + "".join(_close(one) for one in group.sessions)


def _close(one: Close) -> str:
    tone = "up" if one.gain > 0 else "down" if one.gain < 0 else ""
    hint = "no hint" if one.hint is None else one.hint
    degraded = f"<p class=warn>Degraded: {escape(one.degraded)}</p>" if one.degraded else ""
    candidates = (
        f"<details><summary>{len(one.candidates)} candidates</summary>"
        f"<p class=quiet>{escape('; '.join(one.candidates))}</p></details>"
        if one.candidates
        else ""
    )
    return (
        f'<details class="session {tone}"><summary><span>{escape(one.target)}</span>'
        f"<span class=quiet>place {_place(one.rank_before)} → {_place(one.rank_after)}</span>"
        f"</summary>{degraded}"
        f"<p><b>Session {escape(one.session_id)}</b>, oldest first: "
        f"{escape('; '.join(one.session)) or '(nothing known)'}</p>"
        f"<p><b>Hint:</b> {escape(hint)}</p>"
        f"<div class=pair><div><h4>Without a hint</h4>{_slate(one.before, one.target)}</div>"
        f"<div><h4>With it</h4>{_slate(one.after, one.target)}</div></div>{candidates}</details>"
    )


def _slate(titles: Sequence[str], target: str) -> str:
    entries = (
        f"<li><mark>{escape(title)}</mark></li>" if title == target else f"<li>{escape(title)}</li>"
        for title in titles
    )
    return f"<ol>{''.join(entries)}</ol>"


def _place(rank: float) -> str:
    return "not listed" if math.isinf(rank) else f"{rank:.0f}"
