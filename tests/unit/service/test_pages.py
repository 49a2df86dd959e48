"""The pages: served with care, and calling only what the service has."""

import re
import shutil
from pathlib import Path

import httpx
import pytest
from service_client import KEYS, opened

from re2llm.graph.app import Re2LLM

PAGES = Path(__file__).resolve().parents[3] / "service" / "pages"
SCRIPTS = sorted(PAGES.glob("*.js"))


@pytest.mark.parametrize("path", ["/", "/hints"])
async def test_pages_need_no_key_and_let_no_foreign_code_in(app: Re2LLM, path: str) -> None:
    async with opened(app, api_keys=KEYS) as client:
        page = await client.get(path)
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|https?://", page.text)
        for name in re.findall(r'(?:src|href)="(/pages/[^"]+)"', page.text):
            sent = await client.get(name)
            assert sent.status_code == 200
            assert "nosniff" in sent.headers["x-content-type-options"]
        assert (await client.get("/v1/hints")).status_code == 401


async def test_no_other_file_is_served(client: httpx.AsyncClient) -> None:
    for name in ("nope.js", "..%2fapi.py", "../api.py", "%2e%2e/api.py", "__init__.py"):
        assert (await client.get(f"/pages/{name}")).status_code == 404


async def test_scripts_call_only_what_the_service_describes(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]
    known = [re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in described]
    called = [
        re.sub(r"\?.*", "", re.sub(r"\$\{[^}]*\}", "x", path))
        for script in SCRIPTS
        for path in re.findall(r"[`\"](/(?:v1|readyz)[^`\"]*)[`\"]", script.read_text("utf-8"))
    ]
    assert len(called) > 10
    assert [path for path in called if not any(one.fullmatch(path) for one in known)] == []


def test_scripts_write_text_and_never_markup() -> None:
    for script in SCRIPTS:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text()
        ), script.name


def test_every_element_that_a_script_looks_up_is_on_its_page() -> None:
    for page, script in (("index.html", "chat.js"), ("hints.html", "hints.js")):
        there = set(re.findall(r'id="(\w+)"', (PAGES / page).read_text("utf-8")))
        source = (PAGES / script).read_text("utf-8") + (PAGES / "api.js").read_text("utf-8")
        assert set(re.findall(r'byId\("(\w+)"\)', source)) <= there


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_well_formed(script: Path) -> None:
    import subprocess

    done = subprocess.run(["node", "--check", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
