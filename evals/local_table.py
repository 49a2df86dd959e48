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
class Row:
    """One line of the table: (sessions,) ranks of the target, alone and fused."""

    name: str
    alone: Values
    fused: Values | None = None
    weight: float = 0.0
    seconds: float = 0.0
    output_tokens: float = 0.0
    degraded: int = 0


class Costs:
    """Seconds and tokens by question, on disk: a cached answer does not tell what it took."""

    def __init__(self, path: Path) -> None:
        """Read what is there."""
        self._path = path
        rows = path.read_text("utf-8").splitlines() if path.is_file() else []
        self._known: dict[str, tuple[float, int]] = {
            row["question"]: (row["seconds"], row["output_tokens"]) for row in map(json.loads, rows)
        }

    def keep(self, question: str, seconds: float, answer: RankAnswer) -> tuple[float, int]:
        """Return the cost of a question: as measured now, unless it came from the cache."""
        if answer.usage.calls:
            self._known[question] = (seconds, answer.usage.output_tokens)
            row = {"question": question, "seconds": seconds}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**row, "output_tokens": answer.usage.output_tokens}) + "\n")
        return self._known.get(question, (float("nan"), 0))


def judge(
    name: str,
    valid: Sequence[Trial],
    test: Sequence[Trial],
    told: tuple[Sequence[Told], Sequence[Told]],
) -> Row:
    """Rank the targets by the model alone, and fused by a weight learnt on validation sessions."""
    examples = [
        FusionExample(candidates=trial.candidates, answer=one.answer, target=trial.target)
        for trial, one in zip(valid, told[0], strict=True)
    ]
    fusion = fit_weight(examples)
    targets = [trial.target for trial in test]
    fused = [
        [item_id for item_id, _ in fusion.fuse(trial.candidates, one.answer)]
        for trial, one in zip(test, told[1], strict=True)
    ]
    return Row(
        name=name,
        alone=ranks([one.answer.order for one in told[1]], targets),
        fused=ranks(fused, targets),
        weight=fusion.weight,
        seconds=float(np.nanmedian([one.seconds for one in told[1]])),
        output_tokens=float(np.mean([one.output_tokens for one in told[1]])),
        degraded=sum(one.answer.degraded is not None for one in told[1]),
    )


def lines(rows: Sequence[Row], retrieval: Values) -> Iterator[str]:
    """Yield the table, one line per way."""
    yield (
        f"{'way':<28} {'HR@1':>16}  {'NDCG@10':>17}  {'fused HR@1':>10}  {'fused NDCG@10':>17}  "
        f"{'minus retrieval':>21}  {'weight':>6}  {'s/slate':>7}  {'tokens out':>10}  degraded"
    )
    for row in rows:
        text = f"{row.name:<28} {_mean(hit_rate(row.alone, 1))}  {_mean(ndcg(row.alone, 10))}"
        if row.fused is not None:
            gain = paired_difference(ndcg(row.fused, 10), ndcg(retrieval, 10))
            text += (
                f"  {hit_rate(row.fused, 1).mean():>10.3f}  {_mean(ndcg(row.fused, 10))}  "
                f"{gain.mean:+.3f} [{gain.low:+.3f},{gain.high:+.3f}]  {row.weight:>6.2f}  "
                f"{row.seconds:>7.2f}  {row.output_tokens:>10.1f}  {row.degraded:>8}"
            )
        yield text


def _mean(values: Values) -> str:
    found = estimate(float(values.mean()), resampled_means(values[:, None])[:, 0])
    return f"{found.mean:.3f} [{found.low:.2f},{found.high:.2f}]"
