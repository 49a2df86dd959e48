"""Writes hints until it is killed, and says which of them were acknowledged.

Run as a program: `crash_writer.py FOLDER ROUND`.
"""

import random
import sys
from pathlib import Path

from kb_helpers import WordEncoder, make

from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.hint import Status


def write(folder: Path, round_: int) -> None:
    """Put, move, count, forever; each acknowledged step is told on the standard output."""
    out = sys.stdout
    rng = random.Random(round_)
    with ChromaHintStore(folder, WordEncoder()) as store:
        out.write("ready\n")
        out.flush()
        for step in range(100_000):
            batch = [
                make(f"Prefer kind {n} of round {round_} in step {step}.")
                for n in range(rng.choice([1, 1, 1, 5]))
            ]
            store.put_all(batch, by="crash", why=str(len(batch)))
            for hint in batch:
                out.write(f"put {hint.hint_id} {len(batch)}\n")
            out.flush()
            if step % 3 == 0:
                store.set_status(batch[0].hint_id, Status.RETIRED, by="crash", why="moved")
                out.write(f"retired {batch[0].hint_id}\n")
            else:
                store.record(batch[0].hint_id, shown=1)
                out.write(f"shown {batch[0].hint_id}\n")
            out.flush()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
