"""The main table: one row per arm, means with intervals, and paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.evals.bootstrap import (
    RESAMPLES,
    Difference,
    Estimate,
    differences,
    estimate,
    resampled_both,
    resampled_means,
)
from re2llm.evals.metrics import MAIN, Metric, Values
from re2llm.evals.results import BEST_STATIC, NO_HINT, Arm, Comparison, Judged

REFERENCES = (NO_HINT, BEST_STATIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One metric of one arm.

    Attributes:
        against: by reference arm, this arm minus the reference; a reference has no entry for
            itself.
    """

    value: Estimate
    against: Mapping[str, Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One arm."""

    name: str
    asks: bool
    cells: Mapping[str, Cell]
    degraded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All arms, judged by the same order over the same sessions.

    Attributes:
        sessions: how many were judged; under several seeds a session is judged as often.
        seeds: how many lists of candidates each of them was judged on.
        references: the arms that the others are compared with, those of them that were tried.
    """

    judged: Judged
    model_label: str
    sessions: int
    metrics: tuple[str, ...]
    references: tuple[str, ...]
    rows: tuple[Row, ...]
    seeds: int = 1

    @property
    def size(self) -> str:
        """Say how many sessions, and how often each."""
        return in_sessions(self.sessions, self.seeds)

    def row(self, name: str) -> Row | None:
        """Return the row of this name, or None."""
        return next((row for row in self.rows if row.name == name), None)


def make_table(
    comparison: Comparison,
    judged: Judged = "slate",
    *,
    metrics: Sequence[Metric] = MAIN,
    references: Sequence[str] = REFERENCES,
    resamples: int = RESAMPLES,
) -> Table:
    """Sum up a comparison.

    Arms that ask no model have one order only, which counts for both judgements. Holm's correction
    runs over all arms compared with the same reference on the same metric.
    """
    arms = comparison.arms
    present = tuple(name for name in references if comparison.arm(name))
    columns = {
        (arm.name, metric.name): metric.values(_ranks(arm, judged))
        for arm in arms
        for metric in metrics
    }
    stacked = np.stack(list(columns.values()), axis=1)
    seed = comparison.facts.seed
    if comparison.seeds:
        drawn = resampled_both(
            stacked, comparison.groups, comparison.seeds, resamples=resamples, seed=seed
        )
    else:
        drawn = resampled_means(stacked, resamples=resamples, seed=seed)
    draws = {key: drawn[:, place] for place, key in enumerate(columns)}
    against: dict[tuple[str, str, str], Difference] = {}
    for metric in metrics:
        for reference in present:
            others = [arm.name for arm in arms if arm.name != reference]
            base = (reference, metric.name)
            made = differences(
                [_mean(columns[name, metric.name] - columns[base]) for name in others],
                [draws[name, metric.name] - draws[base] for name in others],
            )
            for name, difference in zip(others, made, strict=True):
                against[name, metric.name, reference] = difference
    return Table(
        judged=judged,
        model_label=comparison.facts.model_label,
        sessions=len(comparison.session_ids),
        metrics=tuple(metric.name for metric in metrics),
        references=present,
        seeds=len(set(comparison.seeds)) or 1,
        rows=tuple(
            Row(
                name=arm.name,
                asks=arm.asks,
                degraded=arm.degraded_count,
                cells={
                    metric.name: Cell(
                        value=estimate(
                            _mean(columns[arm.name, metric.name]), draws[arm.name, metric.name]
                        ),
                        against={
                            reference: against[arm.name, metric.name, reference]
                            for reference in present
                            if reference != arm.name
                        },
                    )
                    for metric in metrics
                },
            )
            for arm in arms
        ),
    )


def in_sessions(judged: int, seeds: int) -> str:
    """Say how many sessions were judged, where every one was under each of the seeds."""
    if seeds == 1:
        return f"{judged:,} sessions"
    return f"{judged // seeds:,} sessions, each under {seeds} seeds"


def _ranks(arm: Arm, judged: Judged) -> Values:
    return arm.ranks.get(judged, arm.ranks["slate"])


def _mean(values: Values) -> float:
    return float(values.mean())
