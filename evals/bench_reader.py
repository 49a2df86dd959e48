"""How well recorded answers of real models are read back, by kind of deviation.

Run as `python -m re2llm.evals.bench_reader FOLDER`, where the folder holds JSON lines with
`response`, `candidates`, `history` and `target`; `--sample 200` prints matches for checking by
hand. `--fuzz 1000000` reads so many nasty texts instead, drawn by lot.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from re2llm.llm.labels import labels
from re2llm.llm.reader import Reading, complete, read_answer

PIECES = (
    *("{", "}", "[", "]", '"', "'", ",", ":", "\n", "\n\n", " ", "\\", "\t", "\r", "\x00"),
    *(
        '{"ranking": [',
        '{"ranking": "',
        "```json\n",
        "```",
        "<think>",
        "</think>",
        "**",
        "__",
        " > ",
        " - ",
        "null",
    ),
    *(
        "1. ",
        "2) ",
        "- ",
        "* ",
        "#",
        "[A1]",
        "A2",
        "B1",
        "Z9",
        "[",
        "(1999)",
        ", The",
        "The ",
        "A ",
    ),
    *("&amp;", "&#39;", "&#x110000;", "\ud800", "\u202e", "\u200b", "I'm sorry, ", "Reason: "),
    *("Halo", "Halo 3", "Scream", "Toy Story", "\u0130", "\u00df", "e\u0301", "9" * 40, "x" * 300),
)
"""Pieces of answers, good and broken."""


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


def fuzz(inputs: int, seed: int = 0) -> Counter[str]:
    """Read nasty texts; return how many named all, some or none of their candidates.

    Raises:
        AssertionError: an order is not a permutation of the candidates; the text is told.
    """
    lot, outcomes = random.Random(seed), Counter[str]()
    for _ in range(inputs):
        titles = [_nasty(lot, 4) for _ in range(lot.randrange(12))]
        ids = [f"c{place}" for place in range(len(titles))]
        text = _nasty(lot, 24, [*titles, *labels(len(titles))])
        reading = read_answer(text, titles, titles[:1])
        order, _ = complete(reading, ids)
        if sorted(order) != sorted(ids):
            raise AssertionError(f"{text!r} of {titles!r} became {order!r}")
        named = len(reading.places)
        outcomes["all" if named == len(ids) else "some" if named else "none"] += 1
    return outcomes


def _nasty(lot: random.Random, most: int, words: Sequence[str] = ()) -> str:
    pieces = []
    for _ in range(lot.randrange(most + 1)):
        kind = lot.random()
        if words and kind < 0.4:
            pieces.append(lot.choice(words))
        elif kind < 0.9:
            pieces.append(lot.choice(PIECES))
        else:
            code = lot.randrange(lot.choice((128, 0x3000, 0x110000)))
            pieces.append(chr(code) * lot.choice((1, 1, 1, 3)))
    text = "".join(pieces)
    return text[: lot.randrange(len(text) + 1)] if lot.random() < 0.2 else text


def sample(rows: Sequence[tuple[str, Recorded]], count: int, seed: int = 0) -> Iterator[str]:
    """Yield matches drawn by lot: how matched, the line of the answer, the title it became.

    Only titles that the answer does not hold word for word are drawn; those can be wrong.
    """
    lot, found = random.Random(seed), 0
    order = list(rows)
    lot.shuffle(order)
    for source, row in order:
        lines = [line for line in row.response.splitlines() if line.strip()][:60]
        lot.shuffle(lines)
        for line in lines:
            reading = read_answer(line, row.candidates, row.history)
            named = [row.candidates[place] for place in reading.places]
            if len(named) == 1 and named[0] not in line:
                yield f"{source} {next(iter(reading.kinds))}: {line.strip()!r} -> {named[0]!r}"
                found += 1
                break
        if found >= count:
            return


def main(arguments: list[str] | None = None) -> None:
    """Write a table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--fuzz", type=int, default=0, help="texts drawn by lot")
    parser.add_argument("--sample", type=int, default=0, help="matches to print")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.fuzz:
        started = time.perf_counter()
        outcomes = fuzz(given.fuzz, given.seed)
        told = ", ".join(f"{name} {count}" for name, count in outcomes.most_common())
        seconds = time.perf_counter() - started
        sys.stdout.write(f"{given.fuzz} texts in {seconds:.0f} s, all permutations: {told} named\n")
        return
    folder: Path | None = given.folder
    if folder is None:
        parser.error("a folder of recorded answers is wanted, or --fuzz")
    if given.sample:
        rows = [
            (path.stem, row) for path in sorted(folder.glob("*.jsonl")) for row in recorded(path)
        ]
        for line in sample(rows, given.sample, given.seed):
            sys.stdout.write(line + "\n")
        return
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
