"""Which way of asking is best for a model and a shop: quality, tokens and seconds per slate.

Run as `python -m re2llm.evals.bench_ways WORKSPACE`; the settings say which model. Every way orders
the same candidates of the same test sessions without a hint; how much its order counts in the slate
is fitted on validation sessions. Nothing comes from the answer cache: every call is paid for. What
titles in place of labels would take is counted, not asked.
"""

import argparse
import shutil
import statistics
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from rich.console import Console
from rich.table import Table

from re2llm.errors import UserError
from re2llm.evals.arms import no_hint
from re2llm.evals.evaluate import evaluate
from re2llm.evals.graph_runner import GraphRunner
from re2llm.evals.report_text import terminal_table
from re2llm.evals.results import Comparison, Facts, Judged, model_label
from re2llm.evals.table import make_table
from re2llm.graph.builder import build_graph
from re2llm.graph.models import run_with
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import weigh_plain
from re2llm.settings import Way, read_settings

_TOKEN = 4
"""Characters of a token, about, where titles are counted."""


async def try_way(parts: Parts, sessions: int, valid: int) -> Comparison:
    """Order test sessions in the way that the workspace was opened with."""
    fusion = await weigh_plain(parts, parts.valid_cases()[:valid], lambda *_: None)
    steps = replace(parts.steps, rerank=replace(parts.steps.rerank, fusion=fusion))
    made = await evaluate(
        GraphRunner(graph=build_graph(steps).compile(), k=parts.settings.k),
        parts.dataset.test[:sessions],
        [no_hint()],
        facts=Facts(
            title="Ways of asking",
            data=f"{parts.dataset.meta.name}, test sessions",
            model_label=model_label(parts.settings.model, stand_in=parts.settings.offline),
            seed=parts.settings.seed,
            started=time.time(),
        ),
        at_once=1,
    )
    way = parts.settings.way
    return replace(made, arms=tuple(replace(a, name=way) if a.asks else a for a in made.arms))


def cost_table(made: Comparison, titles: float) -> Table:
    """Return tokens and seconds per slate; `titles`: tokens of titles in place of labels."""
    table = Table("way", "calls", "tokens in", "tokens out", "seconds, median", "degraded")
    for arm in made.arms:
        if not arm.asks:
            continue
        count = len(made.session_ids)
        table.add_row(
            arm.name,
            f"{arm.usage.calls / count:.2f}",
            f"{arm.usage.input_tokens / count:,.0f}",
            f"{arm.usage.output_tokens / count:,.1f}",
            f"{statistics.median(arm.seconds):.3f}",
            str(sum(why is not None for why in arm.degraded)),
        )
    table.add_row("titles as answers (counted)", "", "", f"{titles:,.0f}", "", "")
    return table


def titles_written(parts: Parts, sessions: int) -> float:
    """Return the mean tokens, about, of an answer that writes out all candidates' titles."""
    counts = [
        sum(len(parts.catalog[one].title) // _TOKEN + 1 for one in session.candidates or ())
        for session in parts.dataset.test[:sessions]
    ]
    return statistics.fmean(counts)


def main(arguments: list[str] | None = None) -> None:
    """Print what each way reaches, and what it costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--ways", nargs="+", choices=get_args(Way), default=get_args(Way))
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--valid", type=int, default=100, help="to fit each way's weight on")
    given = parser.parse_args(arguments)
    console = Console()
    runs: list[Comparison] = []
    titles = 0.0
    for way in given.ways:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "shop"
            shutil.copytree(given.workspace, copy, ignore=shutil.ignore_patterns("answers*"))
            settings = read_settings(workspace=copy).model_copy(update={"way": way})
            try:
                parts = open_parts(settings, None)
            except UserError as error:
                console.print(f"Without {way}: {error}", markup=False)
                continue
            with closing(parts):
                runs.append(run_with(parts.owned, try_way(parts, given.sessions, given.valid)))
                titles = titles_written(parts, given.sessions)
    if not runs:
        raise SystemExit("no way could be tried")
    asked = [arm for run in runs for arm in run.arms if arm.asks]
    made = replace(runs[0], arms=(*(arm for arm in runs[0].arms if not arm.asks), *asked))
    for judged in get_args(Judged):
        console.print(terminal_table(make_table(made, judged, references=(asked[0].name,))))
    console.print(cost_table(made, titles))


if __name__ == "__main__":
    main()
