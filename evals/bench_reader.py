"""How well recorded answers of real models are read back, by kind of deviation.

Run as `python -m re2llm.evals.bench_reader FOLDER`, where the folder holds JSON lines with
`response`, `candidates`, `history` and `target`.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from re2llm.llm.reader import Reading, read_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One recorded answer."""

    response: str
    candidates: tuple[str, ...]
    history: tuple[str, ...]
    target: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What reading many answers gave.

    Attributes:
        kinds: entries by how they were recognised.
        ranks: (answers,) 0-based rank of the target, -1 where the answer does not list it.
        seconds: time per answer.
    """

    answers: int
    kinds: Counter[str]
    unknown: int
    repeated: int
    nothing: int
    ranks: np.ndarray
    seconds: float

    def hit_rate(self, k: int) -> float:
        """Return HR@k."""
        return float(np.mean((self.ranks >= 0) & (self.ranks < k)))

    def ndcg(self, k: int) -> float:
        """Return NDCG@k with one relevant item."""
        inside = (self.ranks >= 0) & (self.ranks < k)
        return float(np.mean(np.where(inside, 1 / np.log2(np.maximum(self.ranks, 0) + 2), 0)))


def recorded(path: Path) -> Iterator[Recorded]:
    """Read a file of recorded answers."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield Recorded(
                response=row["response"] or "",
                candidates=tuple(row["candidates"]),
                history=tuple(row.get("history") or ()),
                target=row.get("target"),
            )


def measure(rows: Iterable[Recorded]) -> Tally:
    """Read every answer and count."""
    kinds: Counter[str] = Counter()
    ranks: list[int] = []
    unknown = repeated = nothing = answers = 0
    start = time.perf_counter()
    for row in rows:
        reading = read_answer(row.response, row.candidates, row.history)
        answers += 1
        kinds.update({str(kind): count for kind, count in reading.kinds.items()})
        unknown += reading.unknown
        repeated += reading.repeated
        nothing += not reading.places
        ranks.append(_rank(row, reading))
    return Tally(
        answers=answers,
        kinds=kinds,
        unknown=unknown,
        repeated=repeated,
        nothing=nothing,
        ranks=np.asarray(ranks),
        seconds=(time.perf_counter() - start) / max(answers, 1),
    )


def _rank(row: Recorded, reading: Reading) -> int:
    named = [row.candidates[place] for place in reading.places]
    return named.index(row.target) if row.target in named else -1


def main(arguments: list[str] | None = None) -> None:
    """Write a table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    for path in sorted(folder.glob("*.jsonl")):
        tally = measure(recorded(path))
        entries = tally.kinds.total() + tally.unknown + tally.repeated
        lines = [f"{path.stem}: {tally.answers} answers, {entries} entries"]
        counts = [*tally.kinds.most_common(), ("unknown", tally.unknown)]
        for kind, count in [*counts, ("repeated", tally.repeated)]:
            lines.append(f"  {kind:<10}{count:>8}{count / max(entries, 1):>9.2%}")
        lines.append(f"  nothing read in {tally.nothing} answers")
        lines.append(
            f"  HR@5 {tally.hit_rate(5):.3f}  NDCG@5 {tally.ndcg(5):.3f}  "
            f"HR@10 {tally.hit_rate(10):.3f}  NDCG@10 {tally.ndcg(10):.3f}"
        )
        lines.append(f"  {1000 * tally.seconds:.2f} ms per answer")
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
