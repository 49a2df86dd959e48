"""Admission and trials over a table of gains that are known already: hints from `MANY_HINTS`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.evals.many_hints import MANY_HINTS
from re2llm.evals.paid_table import Gains, Rewards
from re2llm.graph.cases import Case
from re2llm.graph.parts import Parts
from re2llm.graph.trial import SimilarSessions
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.trying import compared, tried
from re2llm.kb_store.verdict import AdmissionRules
from re2llm.llm.reflection import Failure

_PROPOSED = 3
"""On so many missed sessions a hint is proposed."""


@dataclass(frozen=True, slots=True)
class Told:
    """Gains that are known already, as a trial and a measure read them."""

    cases: Sequence[Case]
    gains: Gains

    async def each_gain(self, cases: Sequence[Case], hint: str) -> list[float | None]:
        """Read them off."""
        rows = {case.key: row for row, case in enumerate(self.cases)}
        column = MANY_HINTS.index(hint)
        return [float(self.gains[rows[case.key], column]) for case in cases]


@dataclass(frozen=True, slots=True)
class TableTrial:
    """A trial over a table; `own` is the row of the session that failed."""

    similar: SimilarSessions
    gains: Gains
    own: int

    async def own_gain(self, failure: Failure, hint_text: str) -> float:  # noqa: ARG002
        """Read it off."""
        return float(self.gains[self.own, MANY_HINTS.index(hint_text)])

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> Sequence[float]:
        """Read them off, nearest first."""
        return await self.similar.similar_gains(failure, hint_text, n)


async def table(parts: Parts, cases: Sequence[Case]) -> Rewards:
    """Ask every case with every hint."""
    columns = [await parts.measure.each_gain(cases, text) for text in MANY_HINTS]
    plain = [await parts.measure.value(case.task, case.target, None) for case in cases]
    gains = np.array([[gain or 0.0 for gain in column] for column in columns]).T
    return Rewards(cases=cases, gains=gains, base=np.array([one or 0.0 for one in plain]))


async def admitted(
    parts: Parts, train: Rewards, order: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return the columns that admission keeps, proposed in this order, and its shadows."""
    told = Told(train.cases, train.gains)
    similar = SimilarSessions(lambda: train.cases, told, parts.retrieval.encoder)  # type: ignore[arg-type]
    kept: list[int] = []
    held: list[int] = []
    for column in order:
        for tries, row in enumerate(_repaired_best(train, column), start=1):
            case = train.cases[row]
            failure = Failure(task=case.task, order=(), target=case.target)
            trial, rules = TableTrial(similar, train.gains, row), AdmissionRules()
            hint = await tried(
                many_hint(column), failure, None, trial=trial, rules=rules, tries=tries
            )
            if hint.status is Status.ACTIVE:
                active = [many_hint(one) for one in kept]
                hint = await compared(hint, failure, active, trial=trial, rules=rules, tries=tries)
            if hint.status is Status.ACTIVE:
                kept.append(column)
                break
            if hint.status is Status.SHADOW and column not in held:
                held.append(column)
    return kept, [column for column in held if column not in kept]


def _repaired_best(train: Rewards, column: int) -> list[int]:
    """Return rows that rank badly without a hint, those first that this one repairs best."""
    low = train.base < np.median(train.base)
    order = np.argsort(-np.where(low, train.gains[:, column], -1.0), kind="stable")
    return [int(row) for row in order[:_PROPOSED] if train.gains[row, column] > 0]


def many_hint(column: int) -> Hint:
    """Return one of the many hints, active."""
    text = MANY_HINTS[column]
    return Hint(hint_id=hint_id(text), text=text, status=Status.ACTIVE)
