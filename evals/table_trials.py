"""What a learner makes of a paid table: it sees what it asks for, held-out sessions judge it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from re2llm.evals.bench_policy import LEARNERS
from re2llm.evals.paid_table import Gains, Rewards
from re2llm.evals.worlds import TableRewards
from re2llm.graph.measure import reciprocal_log_rank
from re2llm.graph.parts import Parts
from re2llm.kb_store.store import Eligible
from re2llm.llm.mix import Mix
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson
from re2llm.policy.training import Point, Problem, Trainer

DEFAULT = "top-two (default)"
ONE_GROUP = "default, features in one group"
DEPTH = 10
"""The k of NDCG@k."""
_DRAWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A learner after so many calls: (held-out,) gains of what its policy picks."""

    learner: str
    calls: int
    gains: Gains
    hinted: float


def picked(scorer: Scorer, problem: Problem, held_out: Rewards) -> tuple[Gains, float]:
    """Return the held-out gains of a policy's picks, and the share of sessions with a hint."""
    picks = ScoringPolicy(scorer=scorer, name="bench").best(held_out.states, problem.hints)
    gains = [
        0.0 if pick.column is None else held_out.gains[row, pick.column]
        for row, pick in enumerate(picks)
    ]
    return np.array(gains), float(np.mean([pick.column is not None for pick in picks]))


async def run_learner(
    name: str, problem: Problem, train: Rewards, held_out: Rewards, marks: Sequence[int], seed: int
) -> list[Trial]:
    """Train one learner on what it asks for, and judge it at each budget."""
    trainer: Trainer = LEARNERS.get(name) or Thompson()
    if name == ONE_GROUP:
        problem = replace(problem, groups=None)
    trials: list[Trial] = []
    left = list(marks)

    def judge(calls: int, scorer: Scorer) -> None:
        gains, hinted = picked(scorer, problem, held_out)
        trials.append(Trial(learner=name, calls=calls, gains=gains, hinted=hinted))

    def watch(point: Point, make: Callable[[], Scorer]) -> None:
        while left and point.calls >= left[0]:
            judge(left.pop(0), make())

    source = TableRewards(problem.hints.ids, train.gains)
    trained = await trainer.train(problem, source, calls=marks[-1], seed=seed, progress=watch)
    for mark in left:
        judge(mark, trained.scorer)
    return trials


async def mixed(
    parts: Parts, scorer: Scorer, eligible: Eligible, held_out: Rewards, calls: int
) -> Gains:
    """Return the gains where a policy's best actions are asked, so many, and counted alike."""
    policy = ScoringPolicy(scorer=scorer, name="bench", calls=calls)
    texts: dict[str | None, str | None] = {hint.hint_id: hint.text for hint in eligible.hints}
    texts[None] = None
    values = []
    for case, choice in zip(
        held_out.cases, policy.choose_many(held_out.states, eligible), strict=True
    ):
        asked = [texts[hint_id] for hint_id in (choice.hint_id, *choice.also)]
        answers = [await parts.measure.answer(case.task, hint) for hint in asked]
        order = Mix().join(case.task, answers).order if len(answers) > 1 else answers[0].order
        values.append(reciprocal_log_rank(order, case.target, DEPTH))
    return np.array(values) - held_out.base


def by_lot(held_out: Rewards, rankers: int, seed: int) -> float:
    """Return what the best of so many random orders per session would gain: luck alone."""
    draws = np.random.default_rng(seed)
    found = []
    for case, base in zip(held_out.cases, held_out.base, strict=True):
        places = draws.integers(len(case.task.candidates), size=(_DRAWS, rankers))
        best = places.min(axis=1)
        found.append(float(np.where(best < DEPTH, 1 / np.log2(best + 2), 0).mean()) - base)
    return float(np.mean(found))
