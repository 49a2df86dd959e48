"""What a training looks like in numbers: its curve, gains by hint and kind, calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.judging import CurvePoint, Judging
from re2llm.graph.parts import Parts
from re2llm.nodes.tally import session_kind
from re2llm.policy.gate import Rival
from re2llm.policy.picks import Pick
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.training import Point

_BINS = 6
_LEAST_IN_BIN = 5

Gains = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The held-out sessions of one kind that the policy gives one hint; None is no hint."""

    hint: str | None
    kind: str
    sessions: int
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Held-out sessions of like predicted gain: what was predicted, what came."""

    predicted: float
    measured: float
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Numbers to look at after a training.

    "Slate" gains are of what is served and what the gate judges; "learnt" gains are in what the
    policy was taught by (the setting `reward`), and equal them where that is the slate.

    Attributes:
        learnt_by: the setting `reward`.
        slate_curve: the policy on its way, on the sessions that the gate judges by.
        learnt_curve: the same in what is learnt by.
        slate_static: mean gain of the best static hint on these sessions.
        learnt_static: the same in what is learnt by.
        random: mean gain of a hint drawn by lot, on the training sessions in which all hints were
            tried to find the best static one, in what is learnt by; NaN where unknown.
        believed: what the best choice of this kind of policy would gain, as the learner believes
            in the end, in what is learnt by; NaN where it predicts no gains. A measured maximum per
            session would be no fair line: most of it is luck.
        cells: rewards by hint and kind of session, in what is learnt by.
        bins: predicted against measured gain of the sessions with a hint, in what is learnt by.
        hinted: share of these sessions with a hint.
        points: what the learner said of itself on its way.
    """

    learnt_by: str
    slate_curve: tuple[CurvePoint, ...]
    learnt_curve: tuple[CurvePoint, ...]
    slate_static: float
    learnt_static: float
    random: float
    believed: float
    cells: tuple[Cell, ...]
    bins: tuple[Bin, ...]
    hinted: float
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a training leaves to be looked at.

    Attributes:
        policy: the new one.
        way: it and its earlier states, each with the calls paid by then.
        rival: the best static hint on the slates of the judged sessions.
        points: of the learner.
        known: (training sessions, hints) gains that are known, in what is learnt by.
        texts: of the hints by id.
    """

    policy: ScoringPolicy
    way: Sequence[tuple[int, ScoringPolicy]]
    rival: Rival
    points: Sequence[Point]
    known: Gains
    texts: Mapping[str, str]


async def diagnose(parts: Parts, judging: Judging, seen: Seen) -> Diagnosis:
    """Look at a policy on the sessions that it was judged by.

    Nothing is asked but what `seen.way` would choose: the final policy's and the static hint's
    orders were paid for by the gate.

    Args:
        parts: as the policy was learnt with.
        judging: the held-out sessions, by the slate as served.
        seen: what there is to look at.
    """
    policy, seed = seen.policy, parts.settings.seed
    learnt = Judging(parts, judging.cases, judging.hints, dict(seen.texts))
    curves: list[list[CurvePoint]] = [[], []]
    for calls, snapshot in seen.way:
        for curve, by in zip(curves, (judging, learnt), strict=True):
            point = await by.point(calls, snapshot, seed=seed)
            curve.extend([] if point is None else [point])
    static = [(row, seen.rival.hint_id) for row in range(len(judging.cases))]
    picks = judging.picks(policy)
    came = await learnt.came(policy)
    return Diagnosis(
        learnt_by=parts.settings.reward,
        slate_curve=tuple(curves[0]),
        learnt_curve=tuple(curves[1]),
        slate_static=_mean(seen.rival.gains),
        learnt_static=_mean(await learnt.source.rewards(static)),
        random=_random(seen.known),
        believed=_believed(policy, learnt),
        cells=by_hint_and_kind(
            [None if p.column is None else seen.texts[judging.hints.ids[p.column]] for p in picks],
            _kinds(parts, judging),
            came,
        ),
        bins=_bins(policy, picks, came),
        hinted=float(np.mean([pick.column is not None for pick in picks])),
        points=tuple(seen.points),
    )


def by_hint_and_kind(
    hints: Sequence[str | None], kinds: Sequence[str], gains: Gains
) -> tuple[Cell, ...]:
    """Sum sessions up by the hint that they were given, and by their kind; NaN is left out."""
    found: dict[tuple[str | None, str], list[float]] = {}
    for hint, kind, gain in zip(hints, kinds, gains.tolist(), strict=True):
        if np.isfinite(gain):
            found.setdefault((hint, kind), []).append(gain)
    return tuple(
        Cell(hint=hint, kind=kind, sessions=len(own), gain=float(np.mean(own)))
        for (hint, kind), own in sorted(found.items(), key=lambda one: (one[0][0] or "", one[0][1]))
    )


def calibration(predicted: Gains, measured: Gains) -> tuple[Bin, ...]:
    """Sort predictions into bins of like size, and compare each bin's means."""
    there = np.isfinite(measured)
    predicted, measured = predicted[there], measured[there]
    order = np.argsort(predicted, kind="stable")
    count = min(_BINS, len(order) // _LEAST_IN_BIN)
    if count == 0:
        return ()
    return tuple(
        Bin(
            predicted=float(predicted[rows].mean()),
            measured=float(measured[rows].mean()),
            sessions=len(rows),
        )
        for rows in np.array_split(order, count)
    )


def _bins(policy: ScoringPolicy, picks: Sequence[Pick], came: Gains) -> tuple[Bin, ...]:
    given = np.array([pick.column is not None for pick in picks])
    if not policy.scorer.predicts_gain or not given.any():
        return ()
    return calibration(np.array([pick.score for pick in picks])[given], came[given])


def _believed(policy: ScoringPolicy, judging: Judging) -> float:
    if not policy.scorer.predicts_gain or not len(judging.hints):
        return float("nan")
    best = policy.scorer.scores(judging.states, judging.hints).max(axis=1)
    return float(np.maximum(best, 0.0).mean())


def _kinds(parts: Parts, judging: Judging) -> list[str]:
    """Return what kind of session each case is: as the workspace knows, else by its shape."""
    named = parts.workspace.read_kinds()
    return [
        named.get(case.session.session_id) or session_kind(case.session.items)
        for case in judging.cases
    ]


def _random(known: Gains) -> float:
    """Return the mean gain over the sessions in which every hint was tried."""
    whole = known[np.isfinite(known).all(axis=1)] if known.size else known
    return float(whole.mean()) if whole.size else float("nan")


def _mean(values: Gains) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")
