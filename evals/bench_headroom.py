"""What could hints bring on a shop's sessions at all? Every session is asked with 48 hints.

Run `python -m re2llm.evals.bench_headroom WORKSPACE`; settings name the model, as everywhere. The
hints are `many_hints`: each kind of evidence more, less, and two kinds together. If none of them
helps, and no policy that is taught what all of them do on other sessions gains by choosing, then
reflection has nothing to find. Gains are in NDCG@10 over no hint, on test sessions, by the model's
own order; intervals are 95 %, `*` stays after Holm's correction over the hints.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from re2llm.errors import UserError
from re2llm.evals.bench_sizes import learnt
from re2llm.evals.bootstrap import Difference, differences, resampled_means
from re2llm.evals.many_hints import MANY_HINTS
from re2llm.evals.paid_table import Gains, Rewards
from re2llm.evals.results import model_label
from re2llm.evals.table_admission import table
from re2llm.graph.folds import make_folds
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.settings import read_settings

_SHOWN = 5


async def measured(parts: Parts, sessions: int, held_out: int) -> tuple[Rewards, Rewards]:
    """Return what is learnt from, and what is judged by."""
    folds = make_folds(
        parts.dataset, parts.retriever, parts.case_maker, limit=sessions, seed=parts.settings.seed
    )
    train = await table(parts, [case for fold in folds for case in fold.cases])
    test = parts.case_maker.make(parts.dataset.test[:held_out], parts.retriever)
    return train, await table(parts, test)


async def told(parts: Parts, train: Rewards, test: Rewards, calls: int) -> str:
    """Write a table: the best hints, and what choosing among all of them would bring."""
    static = int(train.gains.mean(axis=0).argmax())
    columns = list(range(len(MANY_HINTS)))
    rows: dict[str, Gains] = {
        f"best on training sessions: {MANY_HINTS[static]}": test.gains[:, static],
        "the default policy over all": await learnt(
            parts, train, test, columns, min(calls, train.gains.size), 0
        ),
        "a random one": test.gains.mean(axis=1),
    }
    each = _summed_up(test.gains)
    best = sorted(columns, key=lambda column: -each[column].mean)[:_SHOWN]
    better = sum(one.sure and one.mean > 0 for one in each)
    worse = sum(one.sure and one.mean < 0 for one in each)
    same = int((test.gains == 0).all(axis=0).sum())
    lines = [
        f"\n{len(train.cases)} training and {len(test.cases)} test sessions, no hint"
        f" {test.base.mean():.3f}: of {len(each)} hints {better} surely help, {worse}"
        f" surely harm, {same} change nothing.",
        "\n| what is given | gain per session |\n|---|---:|",
    ]
    for name, one in zip(rows, _summed_up(np.stack(list(rows.values()), axis=1)), strict=True):
        lines.append(f"| {name} | {_cell(one, star=False)} |")
    lines += [f"| {MANY_HINTS[column]} | {_cell(each[column])} |" for column in best]
    return "\n".join(lines) + "\n"


def _summed_up(gains: Gains) -> list[Difference]:
    draws = resampled_means(gains)
    return differences([float(mean) for mean in gains.mean(axis=0)], list(draws.T))


def _cell(one: Difference, *, star: bool = True) -> str:
    return f"{one.mean:+.3f} ({one.low:+.3f} to {one.high:+.3f}){' *' if star and one.sure else ''}"


async def run(parts: Parts, given: argparse.Namespace) -> None:
    """Measure and print."""
    sys.stdout.write(
        f"{parts.dataset.meta.name}, "
        f"{model_label(parts.settings.model, stand_in=parts.settings.offline)}\n"
    )
    train, test = await measured(parts, given.sessions, given.held_out)
    sys.stdout.write(await told(parts, train, test, given.calls))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on a workspace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--sessions", type=int, default=500, help="to learn from")
    parser.add_argument("--held-out", type=int, default=1000, help="test sessions, at most")
    parser.add_argument(
        "--calls", type=int, default=4000, help="rewards that the policy may ask for"
    )
    given = parser.parse_args(arguments)
    try:
        settings = read_settings(workspace=given.workspace, reward="model")
        with closing(open_parts(settings, None)) as parts:
            asyncio.run(run(parts, given))
    except UserError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
