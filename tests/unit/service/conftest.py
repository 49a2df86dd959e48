"""A client of a service over a small synthetic shop, called in-process."""

from collections.abc import AsyncIterator

import httpx
import pytest
from service_client import opened

from re2llm.graph.app import Re2LLM


@pytest.fixture
async def client(app: Re2LLM) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that is open to its own machine."""
    async with opened(app) as made:
        yield made
