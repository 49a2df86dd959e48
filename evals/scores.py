"""What is scored of one answer, with LangSmith and without: one small dataclass per question."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.evals.metrics import Metric, rank_of_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One slate, and what is known of the session.

    Attributes:
        items: best first; empty where the run failed.
        base_items: the slate of the same session without a hint, or None where it was not asked.
        candidates: what could have been listed.
        target: what came next, or None.
        filters: the hard limits that were asked for, as JSON.
        degraded: why the model's word is not (fully) behind it, or None.
        failed: what the run ended with instead of a slate, or None.
    """

    items: tuple[str, ...]
    candidates: tuple[str, ...]
    target: str | None
    base_items: tuple[str, ...] | None = None
    filters: Mapping[str, object] | None = None
    invented: int = 0
    degraded: str | None = None
    failed: str | None = None
    seconds: float = 0.0
    tokens: int = 0
    cost: float = 0.0


class Evaluator(Protocol):
    """Scores one answer."""

    @property
    def key(self) -> str:
        """Name the score."""

    def score(self, answer: Answer) -> float | None:
        """Return the score, or None where the question does not arise."""


@dataclass(frozen=True, slots=True)
class Quality:
    """HR@k, NDCG@k or MRR; a failed run scores 0, for the shopper saw nothing."""

    metric: Metric

    @property
    def key(self) -> str:
        """Name it as the field does."""
        return self.metric.name

    def score(self, answer: Answer) -> float | None:
        """Score the target's place."""
        if answer.target is None:
            return None
        return _worth(self.metric, rank_of_target(answer.items, answer.target))


@dataclass(frozen=True, slots=True)
class HintLift:
    """The metric with the hint minus without, on the same session."""

    metric: Metric

    @property
    def key(self) -> str:
        """Name it after its metric."""
        return f"hint lift {self.metric.name}"

    def score(self, answer: Answer) -> float | None:
        """Score the difference, where the session was asked without a hint too."""
        if answer.target is None or answer.base_items is None:
            return None
        steered = _worth(self.metric, rank_of_target(answer.items, answer.target))
        return steered - _worth(self.metric, rank_of_target(answer.base_items, answer.target))


@dataclass(frozen=True, slots=True)
class SlateValid:
    """1 where the slate lists candidates only, each once."""

    key: str = "slate valid"

    def score(self, answer: Answer) -> float | None:
        """Score the slate."""
        known = set(answer.candidates)
        once = len(set(answer.items)) == len(answer.items)
        return float(not answer.failed and once and known.issuperset(answer.items))


@dataclass(frozen=True, slots=True)
class InventedItems:
    """How many entries of the model's answer named no candidate; they were dropped."""

    key: str = "invented items"

    def score(self, answer: Answer) -> float | None:
        """Count them."""
        return None if answer.failed else float(answer.invented)


@dataclass(frozen=True, slots=True)
class ConstraintsMet:
    """Share of the slate's items that meet the filters that were asked for."""

    catalog: Catalog
    key: str = "constraints met"

    def score(self, answer: Answer) -> float | None:
        """Score the slate, where there were filters."""
        if not answer.filters or not answer.items:
            return None
        filters = Filters.parse(answer.filters)
        items = [self.catalog.get(item_id) for item_id in answer.items]
        return sum(item is not None and filters.allows(item) for item in items) / len(items)


@dataclass(frozen=True, slots=True)
class Degraded:
    """1 where the model's word is not (fully) behind the slate, or the run failed."""

    key: str = "degraded"

    def score(self, answer: Answer) -> float | None:
        """Score the answer."""
        return float(answer.degraded is not None or answer.failed is not None)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Time to the slate."""

    key: str = "seconds"

    def score(self, answer: Answer) -> float | None:
        """Return the seconds."""
        return None if answer.failed else answer.seconds


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens in and out."""

    key: str = "tokens"

    def score(self, answer: Answer) -> float | None:
        """Return the tokens."""
        return None if answer.failed else float(answer.tokens)


@dataclass(frozen=True, slots=True)
class Money:
    """What the slate cost, in the price table's currency."""

    key: str = "money"

    def score(self, answer: Answer) -> float | None:
        """Return the cost."""
        return None if answer.failed else answer.cost


def standard(catalog: Catalog) -> tuple[Evaluator, ...]:
    """Return all of them, at the usual cut-offs."""
    quality = [Metric("HR", 1), Metric("HR", 5), Metric("HR", 10), Metric("NDCG", 10)]
    return (
        *(Quality(metric) for metric in (*quality, Metric("MRR"))),
        HintLift(Metric("NDCG", 10)),
        SlateValid(),
        InventedItems(),
        ConstraintsMet(catalog),
        Degraded(),
        Seconds(),
        Tokens(),
        Money(),
    )


@lru_cache(maxsize=4096)
def _worth(metric: Metric, rank: float) -> float:
    return float(metric.values(np.array([rank]))[0])
