"""A Chroma server of one's own on loopback, where its program is."""

from pathlib import Path

import pytest

from re2llm.errors import UserError
from re2llm.evals.processes import ChromaServer


def chroma_server(folder: Path) -> ChromaServer:
    """Choose a port; skips where Chroma's program is missing. Start it yourself."""
    try:
        return ChromaServer(folder)
    except UserError as error:
        pytest.skip(str(error))
