"""Every arm on the same sessions: asks what has to be asked, once, and ranks the baselines."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from re2llm.catalog.sessions import Session
from re2llm.errors import UserError
from re2llm.evals.arms import ArmPlan
from re2llm.evals.baselines import (
    SINGLE_SOURCES,
    Blend,
    Evidence,
    equal_blend,
    random_order,
    sources,
)
from re2llm.evals.journal import Journal, Key
from re2llm.evals.metrics import order_by_score, ranks
from re2llm.evals.results import NO_HINT, Arm, Comparison, Facts, Runner, SlateResult
from re2llm.llm.usage import Usage

Progress = Callable[[int, int], None]
"""Told how many answers there are, and how many there will be."""

SHOWN = 10
"""How many places of a slate are kept for the reader."""


async def evaluate(
    runner: Runner,
    sessions: Sequence[Session],
    plans: Sequence[ArmPlan],
    *,
    facts: Facts,
    fitted: Blend | None = None,
    journal: Journal | None = None,
    at_once: int = 8,
    progress: Progress | None = None,
) -> Comparison:
    """Try every plan on every session that has a target.

    An answer is asked for once, however many arms wish for it, and not again if the journal has it.
    A degraded answer counts as it was served, and the arm says how many there were.

    Args:
        runner: makes the slates, unless an arm has its own.
        sessions: their ids must differ.
        plans: the arms that ask the model. The one called `no hint` must be among them: its
            evidence is what the baselines order by.
        facts: goes into the result; its seed shuffles the random row.
        fitted: weights learnt on validation sessions, for the row of the fitted blend.
        journal: what was answered already, and where answers go.
        at_once: how many slates are made at a time.
        progress: called after every answer.

    Raises:
        UserError: no session has a target, session ids repeat, or no plan is `no hint`.
    """
    known = [session for session in sessions if session.target is not None]
    _check(known, plans)
    wishes: dict[str, list[Key]] = {}
    runners = {"": runner}
    for plan in plans:
        own = ""
        if plan.runner is not None:
            own = plan.name
            runners[own] = plan.runner
        wishes[plan.name] = [(one.session_id, plan.wish(one), own) for one in known]
    by_id = {session.session_id: session for session in known}
    keys = dict.fromkeys(key for row in wishes.values() for key in row)
    answers = await _ask(runners, by_id, list(keys), journal, at_once, progress)
    targets = tuple(str(session.target) for session in known)
    evidence = [answers[key].evidence for key in wishes[NO_HINT]]
    arms = list(_baselines(known, targets, evidence, fitted, facts.seed))
    billed: set[Key] = set()
    arms += [_arm(plan.name, wishes[plan.name], answers, targets, billed) for plan in plans]
    return Comparison(
        facts=facts,
        session_ids=tuple(by_id),
        targets=targets,
        arms=tuple(arms),
    )


def _check(sessions: Sequence[Session], plans: Sequence[ArmPlan]) -> None:
    if not sessions:
        raise UserError("no session has a target; evaluation needs to know what came next")
    if len({session.session_id for session in sessions}) < len(sessions):
        raise UserError("session ids repeat; every session to be evaluated needs its own")
    if NO_HINT not in [plan.name for plan in plans]:
        raise UserError(f"no arm is called {NO_HINT!r}; it is what the others are compared with")


async def _ask(
    runners: Mapping[str, Runner],
    sessions: dict[str, Session],
    keys: Sequence[Key],
    journal: Journal | None,
    at_once: int,
    progress: Progress | None,
) -> dict[Key, SlateResult]:
    answers: dict[Key, SlateResult] = {}
    for key in keys:
        known = None if journal is None else journal.get(key)
        if known is not None:
            answers[key] = known
    left: Iterator[Key] = iter([key for key in keys if key not in answers])
    if progress is not None:
        progress(len(answers), len(keys))

    async def work() -> None:
        for key in left:
            session, wish, own = key
            answer = await runners[own].slate(sessions[session], wish)
            answers[key] = answer
            if journal is not None:
                journal.put(key, answer)
            if progress is not None:
                progress(len(answers), len(keys))

    workers = [asyncio.create_task(work()) for _ in range(max(1, at_once))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
    return answers


def _baselines(
    sessions: Sequence[Session],
    targets: Sequence[str],
    evidence: Sequence[Evidence],
    fitted: Blend | None,
    seed: int,
) -> Iterator[Arm]:
    """Rank by each source of evidence, and by blends of them.

    All orders of a session are made together: equal scores have the same lots in all of them.
    """
    names = sources(evidence)
    singles = {row: source for row, source in SINGLE_SOURCES.items() if source in names}
    blends = {"blend, nothing fitted": equal_blend(names)}
    if fitted is not None:
        blends["blend, fitted"] = fitted
    orders: dict[str, list[tuple[str, ...]]] = {"random": []}
    orders |= {row: [] for row in (*singles, *blends)}
    for one, session in zip(evidence, sessions, strict=True):
        salt = session.session_id
        orders["random"].append(random_order(one, salt=salt, seed=seed))
        for row, source in singles.items():
            orders[row].append(_by_source(one, source, salt))
        for row, blend in blends.items():
            orders[row].append(blend.order(one, salt=salt))
    for row, made in orders.items():
        yield _unasked(row, made, targets)


def _by_source(evidence: Evidence, source: str, salt: str) -> tuple[str, ...]:
    scores = {item_id: found.get(source, 0.0) for item_id, found in evidence.items()}
    return order_by_score(scores, salt=salt)


def _unasked(name: str, orders: Sequence[tuple[str, ...]], targets: Sequence[str]) -> Arm:
    nothing = (None,) * len(orders)
    return Arm(
        name=name,
        asks=False,
        ranks={"slate": ranks(orders, targets)},
        shown=tuple(order[:SHOWN] for order in orders),
        hint_ids=nothing,
        degraded=nothing,
    )


def _arm(
    name: str,
    keys: Sequence[Key],
    answers: dict[Key, SlateResult],
    targets: Sequence[str],
    billed: set[Key],
) -> Arm:
    found = [answers[key] for key in keys]
    usage = sum((answers[key].usage for key in keys if key not in billed), Usage())
    billed.update(keys)
    return Arm(
        name=name,
        asks=True,
        ranks={
            "slate": ranks([answer.items for answer in found], targets),
            "model": ranks([answer.model_items for answer in found], targets),
        },
        shown=tuple(answer.items[:SHOWN] for answer in found),
        hint_ids=tuple(answer.hint_id for answer in found),
        degraded=tuple(answer.degraded for answer in found),
        usage=usage,
        seconds=tuple(answer.seconds for answer in found),
    )
