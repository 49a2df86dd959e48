"""The report in a real browser: nothing is cut off on a phone, dark is dark, nothing is fetched."""

import asyncio
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eval_helpers import FACTS, ITEMS, PlantedRunner, sessions
from matplotlib.image import imread

from re2llm.evals import arms
from re2llm.evals.evaluate import evaluate
from re2llm.evals.pictures import LearningCurve
from re2llm.evals.report import make_report, write_report
from re2llm.llm.prompts import prompt_files

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
PROBE = """<script>
const wide = [...document.querySelectorAll("main > *, section > p, section > h2, li, dd, pre")]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
const seen = performance.getEntriesByType("resource").map(e => e.name);
document.title = "probe " + [innerWidth, document.documentElement.scrollWidth, wide.length,
  document.querySelectorAll("figure svg").length, seen.length].join(" ");
</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every part that there is."""
    facts = replace(
        FACTS,
        prompts=prompt_files(),
        more={"items": "4,000, sha256 0123456789abcdef", "libraries": "re2llm 0.1.0, " * 12},
    )
    asked = sessions(60)
    plans = [arms.no_hint(), arms.static_hint("even"), arms.policy()]
    made = asyncio.run(
        evaluate(PlantedRunner(degraded=frozenset({"s3"})), asked, plans, facts=facts)
    )
    curve = LearningCurve(
        calls=[50, 100], values=[0.4, 0.6], metric="NDCG@10", references={"no hint": 0.4}
    )
    report = make_report(
        made,
        sessions=asked,
        titles={i: f"Thing {i} with a long title, Deluxe Edition (2017)" for i in ITEMS},
        hints={"even": "Weigh what is popular now, and the brand of the latest item."},
        kinds={one.session_id: f"kind {int(one.session_id[1:]) % 2}" for one in asked},
        curve=curve,
    )
    return write_report(report, tmp_path_factory.mktemp("report"))


def browse(page: Path, folder: Path, *words: str) -> str:
    """Open a page; returns what the browser prints."""
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", *words, page.as_uri()],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_and_nothing_is_fetched(page: Path, tmp_path: Path, width: int) -> None:
    probed = tmp_path / "probed.html"
    html = page.read_text("utf-8").replace("</main>", f"</main>{PROBE}")
    probed.write_text(html, "utf-8")
    seen = browse(probed, tmp_path, f"--window-size={width},900", "--dump-dom")
    found = re.search(r"<title>probe (\d+) (\d+) (\d+) (\d+) (\d+)</title>", seen)
    assert found is not None
    inner, scrolled, cut_off, pictures, fetched = map(int, found.groups())
    assert scrolled <= inner
    assert cut_off == 0
    assert pictures == 3
    assert fetched == 0


@pytest.mark.parametrize(("scheme", "dark"), [(0, True), (1, False)])
def test_it_is_as_dark_as_the_reader_wishes(
    page: Path, tmp_path: Path, scheme: int, dark: bool
) -> None:
    shot = tmp_path / "shot.png"
    words = [f"--blink-settings=preferredColorScheme={scheme}", "--window-size=390,1400"]
    browse(page, tmp_path, *words, f"--screenshot={shot}")
    pixels = imread(shot)[..., :3]
    ground = float(np.median(pixels))
    assert (ground < 0.2) if dark else (ground > 0.9)
    ink = float((np.abs(pixels - ground).max(axis=2) > 0.4).mean())
    assert 0.01 < ink < 0.4
