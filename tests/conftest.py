"""What all tests share: the real data, if it is here, and a small synthetic shop."""

import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from chroma_server import chroma_server
from postgres import postgres
from shop_settings import settings_for

from re2llm.evals.processes import Postgres

if TYPE_CHECKING:
    from re2llm.graph.app import Re2LLM

# A busy machine is no failure: nothing drawn is timed.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

BESIDE = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets: RE2LLM_DATA, or `shared/data` beside the checkout."""
    return _folder(Path(os.environ.get("RE2LLM_DATA", BESIDE / "data")))


@pytest.fixture(scope="session")
def llm_outputs_dir(data_dir: Path) -> Path:
    """Recorded answers of real models; they lie beside the data sets."""
    return _folder(data_dir.parent / "llm_outputs")


def _folder(path: Path) -> Path:
    if not path.is_dir():
        pytest.skip(f"the real data is not here ({path}); point RE2LLM_DATA at it")
    return path


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Chroma server on loopback; skipped where it cannot start."""
    server = chroma_server(tmp_path_factory.mktemp("chroma-server"))
    try:
        server.start()
        yield server.url
    finally:
        server.kill()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A Postgres server; skipped where its programs are missing."""
    with postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres_server: Postgres) -> str:
    """An empty database."""
    return postgres_server.url(f"shop_{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def shop_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with data and index, for copying."""
    from re2llm.catalog.shop.shop import ShopPlan, write_shop
    from re2llm.graph.opening import open_parts
    from re2llm.workspace import Workspace

    root = tmp_path_factory.mktemp("shop")
    shop = write_shop(Workspace(root).data, ShopPlan(items=300, sessions=500, seed=3))
    Workspace(root).write_kinds(shop.kinds)
    open_parts(settings_for(root), None).close()
    return root


@pytest.fixture
def shop(shop_once: Path, tmp_path: Path) -> Path:
    """A workspace of one's own."""
    return Path(shutil.copytree(shop_once, tmp_path / "shop"))


@pytest.fixture
async def app(shop: Path) -> AsyncIterator["Re2LLM"]:
    """The opened application."""
    from re2llm.graph.app import Re2LLM

    async with await Re2LLM.open(settings_for(shop)) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str | None]:
    """A path, and the URL of a Postgres or None."""
    url = request.getfixturevalue("database_url") if request.param == "postgres" else None
    return tmp_path / "records.sqlite", url
