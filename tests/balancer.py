"""A real nginx with the shipped configuration, adapted only by addresses and folders."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from re2llm.evals.processes import free_port

SHIPPED = Path(__file__).resolve().parents[1] / "deploy" / "nginx.conf"
_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def adapted(folder: Path, port: int, replicas: Sequence[str]) -> str:
    """Return the shipped configuration for two replicas on this machine."""
    told = SHIPPED.read_text("utf-8")
    kept = " ".join(f"{name}_temp_path {folder / name};" for name in _FOLDERS)
    changes = {
        "server one:8000": f"server {replicas[0]}",
        "server two:8000": f"server {replicas[1]}",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "pid /tmp/nginx.pid": f"pid {folder / 'pid'}",
        "http {": f"http {{ {kept}",
    }
    for shipped, here in changes.items():
        assert told.count(shipped) == 1, shipped
        told = told.replace(shipped, here)
    return told


@contextmanager
def balancer(folder: Path, replicas: Sequence[str]) -> Iterator[str]:
    """Run nginx before two replicas, `host:port` each; yields its address."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed here")
    folder.mkdir()
    port = free_port()
    (folder / "nginx.conf").write_text(adapted(folder, port, replicas), "utf-8")
    log = folder / "log"
    told = [nginx, "-e", str(log), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(told)
    try:
        for _ in range(200):
            assert process.poll() is None, log.read_text("utf-8")
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
