"""Does the knowledge base survive being killed? Kills a writer again and again, and looks.

Run `python -m re2llm.evals.crash_kb --rounds 100`.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.entry import Action
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.store import Vector

_LONGEST = 0.5
"""Seconds that a writer lives at most after it is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashReport:
    """What was found after all rounds; everything from `lost` on must be 0.

    Attributes:
        rounds: writers killed.
        acknowledged: steps that a writer reported as done.
        mended: index records that had to be repaired at a start.
        lost: acknowledged steps that the store does not show.
        torn: batches of which only a part is there.
        apart: rounds after which memory, log and index did not agree.
    """

    rounds: int
    acknowledged: int
    mended: int
    lost: int
    torn: int
    apart: int


class SeededEncoder:
    """Gives every text its own fixed direction."""

    identity = "seeded-32"
    dim = 32

    def encode(self, texts: Sequence[str]) -> Vector:
        """Return (texts, 32) rows of length one."""
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = np.random.default_rng(zlib.crc32(text.encode())).normal(size=self.dim)
            row /= np.linalg.norm(row)
        return rows


def write(folder: Path, round_: int) -> None:
    """Put batches, move hints, count, for ever; each acknowledged step is told on the output."""
    rng = random.Random(round_)

    def tell(*words: object) -> None:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()

    with ChromaHintStore(folder, SeededEncoder()) as store:
        tell("ready")
        step = 0
        while True:
            size = rng.choice([1, 1, 1, 5])
            texts = [f"Prefer kind {n} of round {round_} in step {step}." for n in range(size)]
            batch = [Hint(hint_id=hint_id(t), text=t, status=Status.ACTIVE) for t in texts]
            store.put_all(batch, by="crash", why=str(size))
            for hint in batch:
                tell("put", hint.hint_id)
            first = batch[0].hint_id
            if step % 3 == 0:
                store.set_status(first, Status.RETIRED, by="crash", why="moved")
                tell("retired", first)
            else:
                store.record(first, shown=1)
                tell("shown", first)
            step += 1


def kill_rounds(rounds: int, folder: Path, *, seed: int = 0) -> CrashReport:
    """Kill a writer at a random moment, open what it left, and compare; `rounds` times."""
    rng = random.Random(seed)
    said: list[tuple[str, str]] = []
    mended = apart = lost = torn = 0
    for round_ in range(rounds):
        said.extend(_killed_writer(folder, round_, rng.uniform(0.0, _LONGEST)))
        with ChromaHintStore(folder, SeededEncoder()) as store:
            mended += store.repaired
            apart += not agree(store)
            if round_ == rounds - 1:
                lost = sum(not _shows(store, action, hint) for action, hint in said)
                puts = [entry for entry in store.log.entries() if entry.action is Action.PUT]
                batches = Counter((entry.at, int(entry.why)) for entry in puts)
                torn = sum(count % size != 0 for (_, size), count in batches.items())
    return CrashReport(
        rounds=rounds, acknowledged=len(said), mended=mended, lost=lost, torn=torn, apart=apart
    )


def _killed_writer(folder: Path, round_: int, life: float) -> list[tuple[str, str]]:
    program = [sys.executable, "-m", "re2llm.evals.crash_kb", "--write", str(folder), str(round_)]
    child = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        if child.stdout is None or child.stdout.readline() != "ready\n":
            raise RuntimeError("the writer did not start")
        time.sleep(life)
    finally:
        child.kill()
        rest, _ = child.communicate()
    lines = [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    return [(action, hint) for action, hint in lines]


def _shows(store: ChromaHintStore, action: str, hint: str) -> bool:
    found = store.get(hint)
    if found is None:
        return False
    return {
        "put": True,
        "retired": found.status is Status.RETIRED,
        "shown": found.shown == 1,
    }[action]


def agree(store: ChromaHintStore) -> bool:
    """Say whether memory, log and index hold the same."""
    logged = {revision.hint.hint_id: revision.hint for revision in store.log.state().values()}
    held = {hint.hint_id: hint for hint in store.hints()}
    active = {hint.hint_id for hint in store.eligible().hints}
    return (
        logged == held
        and active == {i for i, hint in held.items() if hint.status is Status.ACTIVE}
        and store.differences() == 0
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds and report; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", nargs=2, metavar=("FOLDER", "ROUND"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.write:
        write(Path(options.write[0]), int(options.write[1]))
    with tempfile.TemporaryDirectory() as folder:
        report = kill_rounds(options.rounds, Path(folder), seed=options.seed)
    sys.stdout.write(f"{report}\n")
    return 1 if report.lost or report.torn or report.apart else 0


if __name__ == "__main__":
    sys.exit(main())
