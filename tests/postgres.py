"""A Postgres of one's own on loopback, where the machine has its programs."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from re2llm.evals.processes import Postgres, found
from re2llm.evals.processes import postgres as run_postgres


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server; skips where there is none to run."""
    if not found("initdb"):
        pytest.skip("PostgreSQL is not installed here")
    with run_postgres() as server:
        yield server
