"""An experiment's rows over several synthetic shops, all their sessions together.

Run `python -m re2llm.evals.bench_ablations --seeds 30 31 32`, or with workspaces of your own,
`--workspace shop --seeds 0 1`: then a seed draws the sessions to learn from. The packaged
`ablations` run in each, or what `--experiment` names; the model is the one that the settings name,
by default the offline stand-in, which is no language model. `whole` is the experiment's reference.
With `--keep folder` the same command goes on where it stopped, and more seeds pay for theirs alone.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.errors import UserError
from re2llm.evals.bootstrap import differences, joined, resampled_means
from re2llm.evals.experiment import run_experiment
from re2llm.evals.experiment_home import experiment_folder
from re2llm.evals.experiment_plan import ExperimentPlan, read_plan
from re2llm.evals.metrics import HEADLINE, Values
from re2llm.evals.results import NO_HINT, Comparison, Facts, model_label
from re2llm.graph.opening import open_parts
from re2llm.settings import STAND_IN, Settings, read_settings
from re2llm.workspace import Workspace


def run(settings: Settings, plan: ExperimentPlan, scale: float) -> tuple[Comparison, list[str]]:
    """Run the experiment on one workspace; return its rows, and what is said of the variants."""
    with closing(open_parts(settings, None)) as parts:
        plan = plan.at_scale(scale, train=len(parts.dataset.train))
        facts = Facts(
            title=plan.title,
            data=parts.dataset.meta.name,
            model_label=model_label(settings.model, stand_in=settings.offline),
            seed=settings.seed,
        )
        folder = experiment_folder(parts, plan, None)
        tell = partial(_progress, settings.seed)
        made = asyncio.run(run_experiment(parts, plan, folder, facts=facts, tell=tell))
    said = [line for line in made.report.findings if "active hints, learnt" in line]
    return made.report.comparison, said


@contextmanager
def _progress(seed: int, what: str) -> Iterator[Callable[[int, int], None]]:
    """Say on standard error what begins."""
    sys.stderr.write(f"seed {seed}, {what}\n")
    yield lambda *_: None


def table(found: Sequence[Comparison], against: str | None, *, same: bool = False) -> str:
    """Write a row per variant: NDCG@10 of slates and of the model's own orders.

    Args:
        found: a comparison per shop, or per draw of sessions to learn from.
        against: the row that others are compared with, beside no hint.
        same: whether all judge the same sessions; then each counts once, by its mean.
    """
    names = [arm.name for arm in found[0].arms if arm.asks]
    lines = [
        "\n| row | slate | vs. no hint | vs. whole | model's order alone, vs. no hint |",
        "|---|---:|---:|---:|---:|",
    ]
    slate = {name: joined(_values(found, name, "slate"), same=same) for name in names}
    alone = {name: joined(_values(found, name, "model"), same=same) for name in names}
    others = [name for name in names if name != NO_HINT]
    plain = _compared(slate, others, NO_HINT)
    own = _compared(alone, others, NO_HINT)
    whole = _compared(slate, [one for one in others if one != against], against or NO_HINT)
    lines.append(f"| {NO_HINT} | {slate[NO_HINT].mean():.3f} | | | |")
    lines += [
        f"| {name} | {slate[name].mean():.3f} | {plain[name]} | {whole.get(name, '')} |"
        f" {own[name]} |"
        for name in others
    ]
    return "\n".join(lines) + "\n"


def _values(
    found: Sequence[Comparison], name: str, judged: Literal["slate", "model"]
) -> list[Values]:
    arms = [arm for one in found if (arm := one.arm(name)) is not None]
    return [HEADLINE.values(arm.ranks[judged]) for arm in arms]


def _compared(values: dict[str, Values], names: Sequence[str], against: str) -> dict[str, str]:
    """Return each row's paired difference in words; `*` stays after Holm's correction."""
    if not names:
        return {}
    deltas = np.stack([values[name] - values[against] for name in names], axis=1)
    draws = resampled_means(deltas)
    made = differences([float(mean) for mean in deltas.mean(axis=0)], list(draws.T))
    return {
        name: f"{one.mean:+.3f} ({one.low:+.3f} to {one.high:+.3f}){' *' if one.sure else ''}"
        for name, one in zip(names, made, strict=True)
    }


def _over_seeds(given: argparse.Namespace) -> tuple[list[Comparison], str | None]:
    """Run in every shop and write its table; return all of them, and the row of reference."""
    plan = read_plan(given.experiment)
    found: list[Comparison] = []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            there = given.workspace or (given.keep or Path(folder)) / f"shop-{seed}"
            if given.workspace is None and not there.exists():
                write_shop(Workspace(there).data, ShopPlan(seed=seed))
            own = read_settings(workspace=there, seed=seed, timeout=3600)
            settings = own if own.model else own.model_copy(update={"model": STAND_IN})
            comparison, said = run(settings, plan, given.scale)
        found.append(comparison)
        sys.stdout.write("".join(f"seed {seed}: {line}\n" for line in said))
        sys.stdout.write(table([comparison], plan.against))
        sys.stdout.flush()
    return found, plan.against


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", default="ablations")
    parser.add_argument("--workspace", type=Path, help="in place of synthetic shops")
    parser.add_argument("--keep", type=Path, help="where synthetic shops and all answers stay")
    parser.add_argument("--seeds", type=int, nargs="+", default=[30, 31, 32])
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args(arguments)
    try:
        found, against = _over_seeds(given)
    except UserError as error:
        parser.error(str(error))
    same = given.workspace is not None
    sessions = sum(len(one.session_ids) for one in (found[:1] if same else found))
    label = found[0].facts.model_label
    sys.stdout.write(f"\nAll together, {sessions} sessions, {label}:\n")
    sys.stdout.write(table(found, against, same=same))
    return 0


if __name__ == "__main__":
    sys.exit(main())
