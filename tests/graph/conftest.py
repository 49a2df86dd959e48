"""A small synthetic shop with the offline stand-in: everything else is the real thing."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from shop_settings import settings_for

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.graph.app import Re2LLM
from re2llm.graph.parts import open_parts
from re2llm.workspace import Workspace


@pytest.fixture(scope="session")
def shop_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with data and index, for copying."""
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
async def app(shop: Path) -> AsyncIterator[Re2LLM]:
    """The opened application."""
    async with await Re2LLM.open(settings_for(shop)) as opened:
        yield opened
