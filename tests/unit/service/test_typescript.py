"""The TypeScript client: generated from the description that the service gives, and working."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from live_service import live_service

from re2llm.service.document import document

CLIENT = Path(__file__).resolve().parents[3] / "clients" / "typescript"
TOOLS = CLIENT / "node_modules"


async def test_the_document_needs_no_shop(client: object) -> None:
    import httpx

    assert isinstance(client, httpx.AsyncClient)
    assert json.loads(document()) == (await client.get("/openapi.json")).json()


def test_the_example_calls_only_what_is_described() -> None:
    paths = json.loads(document())["paths"]
    source = (CLIENT / "example.ts").read_text("utf-8")
    called = {line.split('"')[1] for line in source.splitlines() if "shop.POST(" in line}
    assert called
    assert called <= paths.keys()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_it_is_generated_type_checked_and_run(shop: Path, tmp_path: Path) -> None:
    if not TOOLS.is_dir() or shutil.which("node") is None:
        pytest.skip("the client's tools are not installed; `make client` does it")
    built = Path(shutil.copytree(CLIENT, tmp_path / "client", symlinks=True))
    (built / "openapi.json").write_text(document(), "utf-8")
    run(built, "npm", "run", "build")
    with live_service(shop) as address:
        said = run(built, "node", "dist/example.js", address)
    assert "under 50" in said
    assert said.strip().endswith(("done", "pending"))


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
