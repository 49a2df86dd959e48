"""What a site runs on, as plain processes on loopback that can be killed: Postgres and Chroma."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from re2llm.errors import UserError

_USER = "nobody"
"""Postgres refuses to run as root; then it runs as this user."""
_PATIENCE = 120.0
"""Seconds until a server must have started."""


class Postgres:
    """A server that can be killed and started again over the same data."""

    def __init__(self, home: Path, port: int) -> None:
        """Keep its data in this folder, which its user must own."""
        self.home = home
        self.port = port
        self._user = _USER if os.geteuid() == 0 else None

    @property
    def server(self) -> str:
        """The server's URL, without a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        """Make a database of this name and return its URL."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"{self.server}/{name}"

    def make(self) -> None:
        """Make the data folder."""
        self._run("initdb", "-D", str(self.home), "-U", "postgres", "-A", "trust", "--no-sync")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.home}"
        log = str(self.home / "log")
        self._run("pg_ctl", "-D", str(self.home), "-o", options, "-l", log, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is as good as a crash."""
        self._run("pg_ctl", "-D", str(self.home), "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """End the whole server without a word, as the machine's end would."""
        pid = int((self.home / "postmaster.pid").read_text("utf-8").split()[0])
        children = subprocess.run(  # noqa: S603
            ["/bin/ps", "-o", "pid=", "--ppid", str(pid)], check=False, capture_output=True
        )
        for one in (pid, *map(int, children.stdout.split())):
            subprocess.run(["/bin/kill", "-9", str(one)], check=False, capture_output=True)  # noqa: S603
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(found(program)), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", user=self._user)  # noqa: S603


def found(program: str) -> str | None:
    """Find one of Postgres' programs; Debian keeps some of them off the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return shutil.which(program) or (str(debian[-1]) if debian else None)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server of one's own in a temporary folder.

    Raises:
        UserError: PostgreSQL is not installed.
    """
    if not all(map(found, ("initdb", "pg_ctl", "createdb"))):
        raise UserError("PostgreSQL is not installed here; on Debian: apt-get install postgresql")
    home = Path(tempfile.mkdtemp(prefix="re2llm-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(home, _USER)
        server = Postgres(home, free_port())
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


class ChromaServer:
    """A Chroma server that can be killed and started again over the same data."""

    def __init__(self, folder: Path) -> None:
        """Choose a port.

        Raises:
            UserError: Chroma's program is missing.
        """
        self._program = Path(sys.executable).with_name("chroma")
        if not self._program.exists():
            raise UserError("the `chroma` program is not installed beside this Python")
        self._port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            UserError: it does not.
        """
        where = ["--path", str(self._folder), "--host", "127.0.0.1", "--port", str(self._port)]
        self._process = subprocess.Popen(  # noqa: S603
            [str(self._program), "run", *where],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            try:
                urllib.request.urlopen(f"{self.url}/api/v2/heartbeat", timeout=1).close()  # noqa: S310
                return
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None:
                    break
                time.sleep(0.05)
        raise UserError("the Chroma server does not start")

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    """Find a port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
