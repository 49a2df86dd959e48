"""A small shop whose stock changes."""

import time
from collections.abc import Callable

from re2llm.catalog.dataset import open_dataset
from re2llm.graph.stock import Stock
from re2llm.workspace import Workspace

ZEBRA = {"item_id": "Z1", "title": "Zebra Telescope", "price": "19.99", "brand": "Zylo"}


def opened(workspace: Workspace) -> Stock:
    return Stock(workspace, open_dataset(workspace.data))


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
