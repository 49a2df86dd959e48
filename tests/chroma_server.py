"""A Chroma server of one's own on loopback."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest


class ChromaServer:
    """A server that can be killed and started again over the same data."""

    def __init__(self, folder: Path) -> None:
        """Choose a port; skips where Chroma's program is missing."""
        self._program = Path(sys.executable).with_name("chroma")
        if not self._program.exists():
            pytest.skip("the `chroma` program is not installed beside this Python")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers; skips where it does not."""
        self._process = subprocess.Popen(
            [
                self._program,
                "run",
                "--path",
                self._folder,
                "--host",
                "127.0.0.1",
                "--port",
                str(self._port),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.url}/api/v2/heartbeat", timeout=1).close()
                return
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None:
                    pytest.skip("the Chroma server stopped at once")
                time.sleep(0.1)
        pytest.skip("the Chroma server did not answer within twenty seconds")

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
