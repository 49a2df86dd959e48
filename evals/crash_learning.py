"""Does learning survive being killed? Kills real exploration and real reflection on feedback.

Run `python -m re2llm.evals.crash_learning --rounds 50`: so many rounds of each. A round starts the
work in a process of its own, kills it (SIGKILL) right after a random number of acknowledged writes
and a random moment, opens what it left, and compares that with what was acknowledged.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from re2llm.catalog.hashing import HashingEncoder
from re2llm.evals.crash_kb import agree
from re2llm.evals.crash_work import (
    OPEN,
    Told,
    exploring,
    name_of,
    prepare,
    reflecting,
    status_of,
)
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.entry import Entry
from re2llm.kb_store.hint import Status
from re2llm.workspace import Workspace

_LATEST = 0.03
"""Seconds between the last acknowledged write that is waited for and the end."""
_PATIENCE = 300.0


@dataclass(slots=True, kw_only=True)
class Found:
    """What was found after all rounds; everything from `lost` on must be 0.

    Attributes:
        killed: processes that were still at work when they were killed.
        acknowledged: writes (and for reflection, answers to feedback) that were reported as done.
        mended: index records that had to be repaired at a start.
        lost: acknowledged writes that the log does not hold.
        half: hints that are active without what must come with it: evidence, the retirement of what
            they replace, enough independent sources.
        apart: rounds after which memory, log and index did not agree.
        stuck: feedback that could not be given again after a crash.
    """

    rounds: int = 0
    killed: int = 0
    acknowledged: int = 0
    mended: int = 0
    lost: int = 0
    half: int = 0
    apart: int = 0
    stuck: int = 0
    seconds: list[float] = field(default_factory=list)


Work = Callable[[Path, int, Connection], None]


def kill_rounds(work: Work, folder: Path, rounds: int, *, seed: int = 0) -> Found:
    """Start, kill, open and compare, so many times."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([exploring.__module__])
    rng = random.Random(seed)
    found = Found()
    hints = Workspace(folder).hints
    expected: Counter[Told] = Counter()
    for round_ in range(rounds):
        started = time.perf_counter()
        if work is exploring:
            shutil.rmtree(hints, ignore_errors=True)
            expected.clear()
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=work, args=(folder, round_, theirs))
        child.start()
        theirs.close()
        told = _until(ours, rng.randint(0, 40))
        time.sleep(rng.uniform(0.0, _LATEST))
        found.killed += child.is_alive()
        child.kill()
        child.join()
        told += _rest(ours)
        found.rounds += 1
        _check(found, folder, hints, told, expected)
        found.seconds.append(time.perf_counter() - started)
    return found


def _until(line: Connection, writes: int) -> list[Told]:
    """Read what is told, until the worker is ready and so many writes are done, or it ended."""
    told: list[Told] = []
    ends, done = time.monotonic() + _PATIENCE, -1
    while done < writes and time.monotonic() < ends and line.poll(ends - time.monotonic()):
        try:
            told.append(line.recv())
        except EOFError:
            break
        done = len(told) - 1 if told[0] == ("ready",) else -1
    return told


def _rest(line: Connection) -> list[Told]:
    told: list[Told] = []
    try:
        while line.poll(0):
            told.append(line.recv())
    except (EOFError, OSError):
        pass  # the last message was cut off
    return told


def _check(
    found: Found, folder: Path, hints: Path, told: Sequence[Told], expected: Counter[Told]
) -> None:
    own = {"ready", "again", "giving", "given"}
    expected.update(one for one in told if one[0] not in own)
    open_ = {one[1]: one[2:] for one in told if one[0] == "giving"}
    before = folder / OPEN
    asked = before.read_text().splitlines() if before.exists() else []
    again = {one[1] for one in told if one[0] == "again"}
    left = [line for line in asked if line.split("\t")[0] not in again]
    answers = [one for one in told if one[0] == "given"]
    for answer in answers:
        open_.pop(answer[1], None)
    # What was given again first and never answered, although later feedback was, is stuck.
    found.stuck += len(left) if answers else 0
    lines = left + ["\t".join((slate, *more)) for slate, more in open_.items()]
    before.write_text("".join(f"{line}\n" for line in lines))
    with ChromaHintStore(hints, HashingEncoder()) as store:
        entries = store.log.entries()
        held = Counter(name_of(entry) for entry in entries)
        known = {hint.hint_id for hint in store.hints()}
        found.acknowledged += len(told) - 1
        found.mended += store.repaired
        found.lost += sum((expected - held).values())
        found.lost += sum(hint not in known for one in answers for hint in one[2:])
        found.half += _half(
            store, entries, sources=1 if not (folder / "slates.sqlite").exists() else 2
        )
        found.apart += not agree(store)


def _half(store: ChromaHintStore, entries: Sequence[Entry], *, sources: int) -> int:
    """Count the active hints that lack what must come with being active."""
    batches: dict[float, set[tuple[str, str]]] = {}
    for entry in entries:
        batches.setdefault(entry.at, set()).add((entry.hint_id, status_of(entry)))
    half = 0
    for entry in entries:
        if entry.hint is None or entry.hint.status is not Status.ACTIVE:
            continue
        parent = entry.hint.provenance.parent
        alone = parent and (parent, "retired") not in batches[entry.at]
        half += bool(alone) or entry.hint.evidence.sessions == 0
    for hint in store.hints(status=[Status.ACTIVE]):
        half += sources > 1 and store.supporters(hint.hint_id) < sources
    return half


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds and report; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    bad = 0
    for name, work in (("exploration", exploring), ("reflection", reflecting)):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "shop"
            prepare(root)
            found = kill_rounds(work, root, options.rounds, seed=options.seed)
        seconds = sorted(found.seconds)
        sys.stdout.write(
            f"{name}: {found.rounds} rounds, {found.killed} killed at work,"
            f" {found.acknowledged} acknowledged, {found.mended} index records mended;"
            f" lost {found.lost}, half admitted {found.half}, apart {found.apart},"
            f" stuck {found.stuck}; {seconds[len(seconds) // 2]:.1f} s a round ({os.cpu_count()}"
            " cores)\n"
        )
        sys.stdout.flush()
        bad += found.lost + found.half + found.apart + found.stuck
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
