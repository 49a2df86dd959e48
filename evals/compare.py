"""Which of two is better, by how much, how sure, and at what cost: in one sentence."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from re2llm.errors import UserError
from re2llm.evals.bootstrap import Difference, mean_by_group, paired_difference
from re2llm.evals.metrics import HEADLINE, Metric
from re2llm.evals.offline import Experiment
from re2llm.evals.results import NO_HINT, POLICY, Arm, Comparison, Judged

Winner = Literal["first", "second", "neither"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer of a comparison.

    Attributes:
        winner: `neither` where the difference cannot be told from chance.
        difference: second minus first, paired over the sessions that both have.
        sessions: how many those are.
        sentence: all of it in words.
    """

    winner: Winner
    difference: Difference
    sessions: int
    sentence: str

    @property
    def exit_code(self) -> int:
        """Give a gate its answer: 1 where the second is surely worse than the first, else 0."""
        return int(self.winner == "first")


def compare(
    first: Comparison,
    second: Comparison,
    *,
    arm: str | None = None,
    judged: Judged = "slate",
    metric: Metric = HEADLINE,
    names: tuple[str, str] = ("A", "B"),
) -> Verdict:
    """Compare the same arm of two runs over the sessions that both evaluated.

    Args:
        first: the run that is there.
        second: the run that would replace it.
        arm: which row; `policy` where both have one, else `no hint`.
        judged: the fused slate, or the model's order alone.
        metric: what decides.
        names: what the sentence calls the runs.

    Raises:
        UserError: a run lacks the arm, or the runs share no session with the same target.
    """
    name = arm or (POLICY if first.arm(POLICY) and second.arm(POLICY) else NO_HINT)
    one, other = _arm(first, name, names[0]), _arm(second, name, names[1])
    places = {
        key: place for place, key in enumerate(zip(second.session_ids, second.targets, strict=True))
    }
    pairs = [
        (place, places[key])
        for place, key in enumerate(zip(first.session_ids, first.targets, strict=True))
        if key in places
    ]
    if not pairs:
        raise UserError(
            f"{names[0]!r} and {names[1]!r} share no session; evaluate both on the same sessions"
        )
    left, right = np.array(pairs).T
    before = metric.values(one.ranks.get(judged, one.ranks["slate"])[left])
    after = metric.values(other.ranks.get(judged, other.ranks["slate"])[right])
    if first.groups:  # the same session under several seeds counts once
        groups = [first.groups[place] for place in left]
        _, averaged = mean_by_group(np.stack([before, after], axis=1), groups)
        before, after = averaged[:, 0], averaged[:, 1]
    found = paired_difference(after, before, seed=first.facts.seed)
    winner: Winner = "neither" if not found.sure else "second" if found.mean > 0 else "first"
    sentence = (
        f"{_claim(winner, found, names)} on {metric.name} of the row {name!r}: "
        f"{names[0]} {before.mean():.4f}, {names[1]} {after.mean():.4f}, second minus first: "
        f"{in_words(found)}, {len(before)} shared sessions; {names[0]} {_cost(one)}, {names[1]} "
        f"{_cost(other)}."
    )
    return Verdict(winner=winner, difference=found, sessions=len(before), sentence=sentence)


def compare_experiments(
    first: Experiment, second: Experiment, *, key: str = HEADLINE.name
) -> Verdict:
    """Compare one score of two experiments over the sessions that have it in both.

    Raises:
        UserError: they share no session with this score.
    """
    shared = [
        session
        for session, scores in first.rows.items()
        if key in scores and key in second.rows.get(session, {})
    ]
    if not shared:
        raise UserError(
            f"{first.name!r} and {second.name!r} share no session with the score {key!r}; evaluate "
            "both on the same sessions"
        )
    before = np.array([first.rows[session][key] for session in shared])
    after = np.array([second.rows[session][key] for session in shared])
    found = paired_difference(after, before)
    winner: Winner = "neither" if not found.sure else "second" if found.mean > 0 else "first"
    names = (first.name, second.name)
    money = [
        sum(scores.get("money", 0.0) for scores in one.rows.values()) for one in (first, second)
    ]
    sentence = (
        f"{_claim(winner, found, names)} on {key}: {names[0]} {before.mean():.4f}, {names[1]} "
        f"{after.mean():.4f}, second minus first: {in_words(found)}, {len(shared)} shared "
        f"sessions; money {money[0]:.4f} and {money[1]:.4f}."
    )
    return Verdict(winner=winner, difference=found, sessions=len(shared), sentence=sentence)


def _claim(winner: Winner, found: Difference, names: tuple[str, str]) -> str:
    better, worse = (names[1], names[0]) if found.mean > 0 else (names[0], names[1])
    if winner == "neither":
        return f"{better} and {worse} cannot be told apart"
    return f"{better} is better than {worse}"


def in_words(difference: Difference) -> str:
    """Say a difference with its interval and its p-value."""
    return (
        f"difference {difference.mean:+.4f} (95 % interval {difference.low:+.4f} to "
        f"{difference.high:+.4f}, p {difference.p_holm:.3f})"
    )


def _arm(run: Comparison, name: str, called: str) -> Arm:
    arm = run.arm(name)
    if arm is None:
        has = ", ".join(repr(arm.name) for arm in run.arms)
        raise UserError(f"{called!r} has no row {name!r}; it has {has}")
    return arm


def _cost(arm: Arm) -> str:
    usage = arm.usage
    money = f", money {usage.cost:.4f}" if usage.cost else ""
    return (
        f"cost {usage.calls} calls ({usage.cache_hits} more from the cache), "
        f"{usage.input_tokens + usage.output_tokens} tokens{money}"
    )
