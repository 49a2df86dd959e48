"""Sessions with an order to learn, in a small catalogue."""

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.neural.plan import Plan
from re2llm.catalog.neural.training import HeldOut
from re2llm.catalog.sessions import SessionLog

SIZE = 40
SMALL = Plan(dim=16, length=8, batch=32, negatives=16, epochs=6, rate=0.01, dropout=0.0)


def steps(count: int, *, noise: float, seed: int = 0) -> list[list[int]]:
    """Sessions in which item i is followed by item i + 7, but for a share that is noise."""
    draws = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        row = [int(draws.integers(SIZE))]
        for _ in range(int(draws.integers(2, 7))):
            lot = draws.random() < noise
            row.append(int(draws.integers(SIZE)) if lot else (row[-1] + 7) % SIZE)
        rows.append(row)
    return rows


def log_of(count: int, *, noise: float = 0.0, seed: int = 0) -> SessionLog:
    """These sessions as a log."""
    return SessionLog.from_sequences(steps(count, noise=noise, seed=seed))


def held_out_of(count: int, *, noise: float = 0.0, seed: int = 1) -> HeldOut:
    """Sessions and what comes next."""
    rows = steps(count, noise=noise, seed=seed)
    return HeldOut(
        log=SessionLog.from_sequences([row[:-1] for row in rows]),
        targets=np.array([row[-1] for row in rows]),
    )


def features(seed: int = 0) -> NDArray[np.float32]:
    """Text vectors that say nothing of the order."""
    drawn = np.random.default_rng(seed).standard_normal((SIZE, 12))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
