"""A Postgres of one's own on loopback, where the machine has its programs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from re2llm.database import DatabaseUnavailable
from re2llm.evals.processes import Postgres, found
from re2llm.evals.processes import postgres as run_postgres


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server; skips where there is none to run."""
    if not found("initdb"):
        pytest.skip("PostgreSQL is not installed here")
    with run_postgres() as server:
        yield server


def once_back(ask: Callable[[], object]) -> object:
    """Ask until the database is back: it is left alone for a moment after a failure."""
    for _ in range(100):
        try:
            return ask()
        except DatabaseUnavailable:
            time.sleep(0.1)
    return ask()
