"""How long an ingest takes and how much memory, measured on a made log in a process of its own.

Run `python -m re2llm.evals.bench_ingest --interactions 1000000`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

_CODE = """
import sys
from pathlib import Path
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import IngestOptions
report = ingest(Path(sys.argv[1]), Path(sys.argv[2]), IngestOptions())
sys.stdout.write(f"{report.seconds} {sum(report.sessions.values())} {report.items}")
"""
_START = 1_700_000_000
_VISIT = 6
"""Mean interactions of one visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one ingest took.

    Attributes:
        seconds: from the call to the return, imports excluded.
        peak: resident memory of the process at its highest, in bytes.
    """

    seconds: float
    peak: int
    sessions: int
    items: int


def make_log(folder: Path, interactions: int, seed: int = 0) -> Path:
    """Write interactions.csv and items.csv: visits of a few minutes, popular and rare items."""
    rng = np.random.default_rng(seed)
    items, users, visits = 20_000, max(1, interactions // 20), max(1, interactions // _VISIT)
    of_visit = rng.integers(visits, size=interactions)
    starts = rng.integers(90 * 86_400, size=visits)
    user_of_visit = rng.integers(users, size=visits)
    popularity = 1.0 / np.arange(1, items + 1) ** 0.8
    log = pl.DataFrame(
        {
            "user_id": user_of_visit[of_visit],
            "item_id": rng.choice(items, size=interactions, p=popularity / popularity.sum()),
            "rating": rng.integers(1, 6, size=interactions),
            "timestamp": _START + starts[of_visit] + rng.integers(600, size=interactions),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    log.write_csv(folder / "interactions.csv")
    names = [f"Made thing {number} &amp; more" for number in range(items)]
    brands = [f"Brand {number}" for number in rng.integers(200, size=items)]
    pl.DataFrame(
        {"item_id": range(items), "title": names, "brand": brands, "price": rng.random(items) * 90}
    ).write_csv(folder / "items.csv")
    return folder


def measure(source: Path, folder: Path) -> Cost:
    """Ingest in another process, and read its time and its highest memory.

    Raises:
        RuntimeError: the ingest failed.
    """
    command = [sys.executable, "-c", _CODE, str(source), str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    output: list[str] = []
    stream = child.stdout
    assert stream is not None  # noqa: S101
    reader = threading.Thread(target=lambda: output.append(stream.read()))
    reader.start()
    _, status, usage = os.wait4(child.pid, 0)
    reader.join()
    stream.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the ingest ended with status {child.returncode}")
    seconds, sessions, items = output[0].split()
    # The kernel counts in kibibytes, but macOS in bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(seconds=float(seconds), peak=peak, sessions=int(sessions), items=int(items))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, nargs="+", default=[1_000_000])
    options = parser.parse_args(arguments)
    sys.stdout.write(
        "| interactions | sessions | items | seconds | peak resident MiB |\n|---|---|---|---|---|\n"
    )
    for count in options.interactions:
        with tempfile.TemporaryDirectory() as folder:
            cost = measure(make_log(Path(folder) / "source", count), Path(folder) / "data")
        sys.stdout.write(
            f"| {count:,} | {cost.sessions:,} | {cost.items:,} | {cost.seconds:.1f} "
            f"| {cost.peak / 2**20:,.0f} |\n"
        )
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
