"""What a reader is told: labelled, escaped, complete, and readable again by `compare`."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from eval_helpers import FACTS, ITEMS, PlantedRunner, sessions
from rich.console import Console

from re2llm.errors import UserError
from re2llm.evals import arms
from re2llm.evals.compare import compare
from re2llm.evals.evaluate import evaluate
from re2llm.evals.metrics import MISSING
from re2llm.evals.pictures import LearningCurve, count_choices
from re2llm.evals.report import Report, against, make_report, write_report
from re2llm.evals.report_text import number, terminal_table
from re2llm.evals.results import NO_HINT, POLICY, STAND_IN, Comparison, model_label
from re2llm.evals.saved import load_comparison, save_comparison

N = 40
PLANS = [arms.no_hint(), arms.static_hint("even"), arms.policy()]


async def run(runner: PlantedRunner | None = None) -> Comparison:
    return await evaluate(runner or PlantedRunner(), sessions(N), PLANS, facts=FACTS)


@pytest.fixture
async def report() -> Report:
    return make_report(
        await run(PlantedRunner(degraded=frozenset({"s3"}))),
        sessions=sessions(N),
        titles={item: f"<b>{item}</b> & co" for item in ITEMS},
        hints={"even": "Prefer even | things", "odd": "<script>alert(1)</script>"},
        kinds={f"s{n}": ("even", "odd")[n % 2] for n in range(N)},
        curve=LearningCurve(
            calls=[0, 10], values=[0.5, 0.6], metric="NDCG@10", references={NO_HINT: 0.5}
        ),
    )


class Tags(HTMLParser):
    """Checks that what is opened is closed, and collects what a page would fetch."""

    EMPTY = frozenset({"meta", "path", "use", "image", "circle", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)
        self.fetched += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "xlink:href")
            and not (value or "").startswith(("#", "data:"))
        ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


async def test_the_page_stands_alone_and_is_well_formed(report: Report, tmp_path: Path) -> None:
    page = write_report(report, tmp_path / "out").read_text()
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.fetched == []
    assert {"svg", "table", "details", "style"} <= tags.seen
    assert "script" not in tags.seen
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>i1</b>" not in page
    assert "&lt;b&gt;i1&lt;/b&gt; &amp; co" in page


async def test_every_file_carries_the_stand_ins_label(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    for name in ("report.html", "report.md", "table.csv", "tables.json", "comparison.json"):
        assert STAND_IN in (tmp_path / name).read_text(), name
    page = (tmp_path / "report.html").read_text()
    for picture in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        assert STAND_IN in picture
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(terminal_table(report.tables[0]))
    assert STAND_IN in console.export_text()


def test_a_real_model_is_called_by_its_name() -> None:
    assert model_label("m-1", stand_in=False) == "m-1"
    assert model_label("m-1", stand_in=True) == STAND_IN


async def test_the_terminal_table_fits_eighty_columns(report: Report) -> None:
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(terminal_table(report.tables[0]))
    shown = console.export_text()
    assert "…" not in shown
    assert "+.322" not in shown.split("policy")[0]
    policy = next(line for line in shown.splitlines() if line.strip().startswith(POLICY))
    assert policy.split()[1:6] == ["1.000"] * 5


async def test_the_csv_has_every_number(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text())))
    cell = report.tables[0].row(POLICY).cells["NDCG@10"]  # type: ignore[union-attr]
    found = [
        row
        for row in rows
        if (row["arm"], row["metric"], row["judged"], row["reference"])
        == (POLICY, "NDCG@10", "slate", NO_HINT)
    ]
    assert len(found) == 1
    assert float(found[0]["difference"]) == cell.against[NO_HINT].mean
    assert float(found[0]["mean"]) == cell.value.mean


async def test_findings_say_it_as_it_is(report: Report) -> None:
    assert "'policy' is better than 'no hint'" in report.findings[0]
    worse = make_report(
        await evaluate(
            PlantedRunner(),
            sessions(N),
            [arms.no_hint(), arms.static_hint("even", POLICY)],
            facts=FACTS,
        )
    )
    told = " ".join(worse.findings)
    assert "is better than" in told or "cannot be told apart" in told
    assert any("1 of 40 slates" in sentence for sentence in report.findings)


async def test_a_policy_that_does_harm_is_said_to_be_worse() -> None:
    class Harmful(PlantedRunner):
        async def slate(self, session, hint_id):  # type: ignore[no-untyped-def]
            return await super().slate(session, "neither" if hint_id == "policy" else hint_id)

    told = make_report(await run(Harmful())).findings
    assert "'policy' is worse than 'no hint'" in told[0]


async def test_targets_that_retrieval_missed_are_counted() -> None:
    made = await run()
    found = make_report(made).findings
    assert not any("among the candidates" in one for one in found)
    plain = made.arm(NO_HINT)
    assert plain is not None
    plain.ranks["slate"][:10] = MISSING
    (said,) = [one for one in make_report(made).findings if "among the candidates" in one]
    assert "30 of 40 lists" in said
    assert "(0.750)" in said


async def test_the_sessions_shown_are_those_that_changed(report: Report) -> None:
    helped = report.groups[0]
    assert helped.name == "Helped most: 15 of 40"
    first = helped.sessions[0]
    assert (first.rank_before, first.rank_after) == (3, 1)
    assert first.after[0] == first.target
    assert first.before[2] == first.target


async def test_what_is_saved_can_be_read_again(tmp_path: Path) -> None:
    before = await run()
    arm = replace(before.arms[0], ranks={"slate": np.array([MISSING] + [1.0] * (N - 1))})
    before = replace(before, arms=(arm, *before.arms[1:]))
    save_comparison(before, tmp_path / "comparison.json")
    after = load_comparison(tmp_path)
    assert after.facts == before.facts
    assert [a.usage for a in after.arms] == [b.usage for b in before.arms]
    for one, other in zip(after.arms, before.arms, strict=True):
        assert one.ranks.keys() == other.ranks.keys()
        for judged in one.ranks:
            assert one.ranks[judged].tolist() == other.ranks[judged].tolist()
    json.loads((tmp_path / "comparison.json").read_text(), parse_constant=pytest.fail)


def test_what_was_never_saved_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no saved evaluation at"):
        load_comparison(tmp_path)
    (tmp_path / "comparison.json").write_text('{"format": 99}')
    with pytest.raises(UserError, match="format 99"):
        load_comparison(tmp_path)


async def test_compare_says_which_is_better_by_how_much_and_what_it_cost() -> None:
    class Blind(PlantedRunner):
        async def slate(self, session, hint_id):  # type: ignore[no-untyped-def]
            return await super().slate(session, None if hint_id == "policy" else hint_id)

    old, new = await run(Blind()), await run()
    verdict = compare(old, new, names=("old", "new"))
    assert verdict.winner == "second"
    assert verdict.exit_code == 0
    assert verdict.sentence.startswith("new is better than old on NDCG@10")
    assert "+0.5000" in verdict.sentence
    assert "40 calls" in verdict.sentence
    back = compare(new, old, names=("new", "old"))
    assert (back.winner, back.exit_code) == ("first", 1)
    assert back.sentence.startswith("new is better than old")
    same = compare(new, new)
    assert (same.winner, same.exit_code) == ("neither", 0)
    assert "cannot be told apart" in same.sentence


async def test_rows_that_never_differ_are_called_the_same() -> None:
    plans = [arms.no_hint(), arms.ArmPlan("silent", lambda _: None)]
    comparison = await evaluate(PlantedRunner(), sessions(N), plans, facts=FACTS)
    row = make_report(comparison).tables[0].row("silent")
    assert row is not None
    assert against(row, "no hint") == (
        "The row 'silent' has the NDCG@10 of 'no hint' in every session."
    )


async def test_compare_pairs_by_session_not_by_place() -> None:
    first = await run()
    turned = await evaluate(PlantedRunner(), sessions(N)[::-1][:30], PLANS, facts=FACTS)
    verdict = compare(first, turned)
    assert verdict.sessions == 30
    assert verdict.difference.mean == 0


async def test_compare_refuses_what_does_not_fit() -> None:
    run_a = await run()
    with pytest.raises(UserError, match="no row 'SASRec'"):
        compare(run_a, run_a, arm="SASRec")
    with pytest.raises(UserError, match="share no session"):
        compare(run_a, replace(run_a, targets=("x",) * N))


def test_choices_are_shares_of_the_kind() -> None:
    found = count_choices(
        ["a", "a", "b", None, "c"], ["x", "x", "x", "x", "y"], {"a": "Aa"}, most=2
    )
    assert found.kinds == ("x", "y")
    assert found.hints == ("Aa", "b", "other hints", NO_HINT)
    assert found.shares.tolist() == [[0.5, 0.25, 0, 0.25], [0, 0, 1, 0]]
    assert found.sizes == (4, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, ".123"), (1.0, "1.000"), (0.0, ".000"), (0.9999, "1.000"), (-0.05, "-.050")],
)
def test_numbers_look_as_in_the_field(value: float, text: str) -> None:
    assert number(value) == text
