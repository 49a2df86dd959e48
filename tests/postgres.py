"""A Postgres of one's own on loopback, where the machine has its programs."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_USER = "nobody"
"""Postgres refuses to run as root; then it runs as this user."""


class Postgres:
    """A server that can be killed and started again over the same data."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self._as = {"user": _USER} if os.geteuid() == 0 else {}

    @property
    def server(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        """Make a database of this name and return its URL."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"{self.server}/{name}"

    def make(self) -> None:
        self._run("initdb", "-D", str(self.home), "-U", "postgres", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.home}"
        log = str(self.home / "log")
        self._run("pg_ctl", "-D", str(self.home), "-o", options, "-l", log, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is as good as a crash."""
        self._run("pg_ctl", "-D", str(self.home), "-m", mode, "-w", "stop")

    def _run(self, program: str, *args: str) -> None:
        command = [str(found(program)), *args]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **self._as)  # type: ignore[call-overload]


def found(program: str) -> str | None:
    """Find one of Postgres' programs; Debian keeps some of them off the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return shutil.which(program) or (str(debian[-1]) if debian else None)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server; skips where there is none to run."""
    if not all(map(found, ("initdb", "pg_ctl", "createdb"))):
        pytest.skip("PostgreSQL is not installed here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="re2llm-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(home, _USER)
        server = Postgres(home, port)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)
