"""What a way to ask a model is worth and what it takes: one line of a table per way."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from re2llm.evals.bootstrap import estimate, paired_difference, resampled_means
from re2llm.evals.local_trials import Trial
from re2llm.evals.metrics import Values, hit_rate, ndcg, ranks
from re2llm.llm.fusion import FusionExample, fit_weight
from re2llm.llm.ranking import RankAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A way's answer to one session, and what it took when it was asked for."""

    answer: RankAnswer
    seconds: float
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Sessions, and what was told of each."""

    trials: Sequence[Trial]
    told: Sequence[Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: (sessions,) ranks of the target, alone and fused.

    Attributes:
        weights: of the model's order in the slate, one for each part that is judged.
    """

    name: str
    alone: Values
    fused: Values | None = None
    weights: tuple[float, ...] = ()
    seconds: float = 0.0
    output_tokens: float = 0.0
    degraded: int = 0


class Tape:
    """What was told of each question, on disk.

    The answer cache alone does not do: it keeps no answer that is not whole, and does not tell what
    one took.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there."""
        self._path = path
        rows = path.read_text("utf-8").splitlines() if path.is_file() else []
        self._known = {row["question"]: row for row in map(json.loads, rows)}

    def get(self, question: str) -> Told | None:
        """Return what was told, or nothing where it was not asked."""
        row = self._known.get(question)
        if row is None:
            return None
        answer = RankAnswer(
            order=tuple(row["order"]), listed=row["listed"], degraded=row["degraded"]
        )
        return Told(answer=answer, seconds=row["seconds"], output_tokens=row["output_tokens"])

    def keep(self, question: str, told: Told) -> None:
        """Write down what was told."""
        row = {
            "question": question,
            "order": told.answer.order,
            "listed": told.answer.listed,
            "degraded": told.answer.degraded,
            "seconds": told.seconds,
            "output_tokens": told.output_tokens,
        }
        self._known[question] = row
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def judge(name: str, parts: Sequence[tuple[Asked, Asked]]) -> Row:
    """Rank the targets by the model alone, and fused.

    Args:
        name: of the way.
        parts: sessions that the weight is learnt on, each with those that it is judged on.
    """
    told = [one for _, on in parts for one in on.told]
    targets = [trial.target for _, on in parts for trial in on.trials]
    weights, fused = [], []
    for learnt_on, on in parts:
        fusion = fit_weight(_examples(learnt_on))
        weights.append(fusion.weight)
        for trial, one in zip(on.trials, on.told, strict=True):
            fused.append([item_id for item_id, _ in fusion.fuse(trial.candidates, one.answer)])
    return Row(
        name=name,
        alone=ranks([one.answer.order for one in told], targets),
        fused=ranks(fused, targets),
        weights=tuple(weights),
        seconds=float(np.nanmedian([one.seconds for one in told])),
        output_tokens=float(np.mean([one.output_tokens for one in told])),
        degraded=sum(one.answer.degraded is not None for one in told),
    )


def _examples(asked: Asked) -> list[FusionExample]:
    return [
        FusionExample(candidates=trial.candidates, answer=one.answer, target=trial.target)
        for trial, one in zip(asked.trials, asked.told, strict=True)
    ]


def lines(rows: Sequence[Row], retrieval: Values) -> Iterator[str]:
    """Yield the table, one line per way."""
    yield (
        f"{'way':<28} {'HR@1':>16}  {'NDCG@10':>17}  {'fused HR@1':>10}  {'fused NDCG@10':>17}  "
        f"{'minus retrieval':>21}  {'weight':>9}  {'s/slate':>7}  {'tokens out':>10}  degraded"
    )
    for row in rows:
        text = f"{row.name:<28} {_mean(hit_rate(row.alone, 1))}  {_mean(ndcg(row.alone, 10))}"
        if row.fused is not None:
            gain = paired_difference(ndcg(row.fused, 10), ndcg(retrieval, 10))
            weights = ", ".join(f"{weight:.2f}" for weight in row.weights)
            text += (
                f"  {hit_rate(row.fused, 1).mean():>10.3f}  {_mean(ndcg(row.fused, 10))}  "
                f"{gain.mean:+.3f} [{gain.low:+.3f},{gain.high:+.3f}]  {weights:>9}  "
                f"{row.seconds:>7.2f}  {row.output_tokens:>10.1f}  {row.degraded:>8}"
            )
        yield text


def _mean(values: Values) -> str:
    found = estimate(float(values.mean()), resampled_means(values[:, None])[:, 0])
    return f"{found.mean:.3f} [{found.low:.2f},{found.high:.2f}]"
