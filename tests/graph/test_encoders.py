"""Which text encoder a workspace has: kept, and not changed unawares."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from embeddings_server import Embeddings
from numpy.typing import NDArray
from shop_settings import settings_for

from re2llm.catalog.candidates import Query
from re2llm.errors import UserError
from re2llm.graph import encoders
from re2llm.graph.opening import open_parts
from re2llm.settings import Settings


@pytest.fixture
def embeddings() -> Iterator[Embeddings]:
    with Embeddings().running() as server:
        yield server


class Small:
    """Tells texts apart by their length and their first letter."""

    identity, dim = "small-1", 3

    @classmethod
    def load(cls) -> "Small":
        return cls()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [[len(text), ord(text[0]) if text else 0, 1.0] for text in texts]
        made = np.array(rows, dtype=np.float32).reshape(len(texts), 3)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def open_and_close(settings: Settings) -> str:
    parts = open_parts(settings, None)
    parts.close()
    return parts.retrieval.encoder.identity


def test_a_workspace_keeps_to_its_encoder(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_and_close(settings_for(shop)).startswith("lexical")
    monkeypatch.setattr(encoders, "MiniLmEncoder", Small)
    with pytest.raises(UserError, match="encoder 'lexical', but 'minilm' is set") as caught:
        open_and_close(settings_for(shop, encoder="minilm"))
    assert "encoder.txt" in str(caught.value)
    assert open_and_close(settings_for(shop)).startswith("lexical")


def test_a_workspace_from_before_there_was_a_choice_is_lexical(shop: Path) -> None:
    (shop / "encoder.txt").unlink()
    with pytest.raises(UserError, match="'lexical', but 'minilm' is set"):
        open_and_close(settings_for(shop, encoder="minilm"))


def test_another_encoder_serves_after_the_mend(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "encoder.txt").unlink()
    shutil.rmtree(shop / "index")
    monkeypatch.setattr(encoders, "MiniLmEncoder", Small)
    for _ in range(2):
        assert open_and_close(settings_for(shop, encoder="minilm")) == "small-1"
    with pytest.raises(UserError, match="'minilm', but 'lexical' is set"):
        open_and_close(settings_for(shop))


def test_a_server_is_part_of_the_name(shop: Path) -> None:
    (shop / "encoder.txt").write_text("m at http://one/v1\n")
    with pytest.raises(UserError, match="'m at http://two/v1' is set"):
        open_and_close(settings_for(shop, encoder="m", embeddings_url="http://two/v1"))


def test_a_server_serves_a_whole_workspace(shop: Path, embeddings: Embeddings) -> None:
    (shop / "encoder.txt").unlink()
    shutil.rmtree(shop / "index")
    settings = settings_for(shop, encoder="letters", embeddings_url=embeddings.url)
    parts = open_parts(settings, None)
    try:
        asked = len(embeddings.requests)
        query = Query(session=(), request="a cable for cabbages")
        assert parts.retriever.retrieve(query, 5)
        assert embeddings.requests[asked]["input"] == ["cable cabbage"]
        embeddings.fault = lambda number: (401, {"error": {"message": "no"}})
        assert parts.retriever.retrieve(query, 5)
    finally:
        parts.close()
    embeddings.fault = lambda number: None
    paid = len(embeddings.requests)
    assert open_and_close(settings) == f"embeddings-1/letters@{embeddings.url}"
    assert len(embeddings.requests) == paid


def test_a_server_that_is_away_at_the_start_is_told(shop: Path, embeddings: Embeddings) -> None:
    (shop / "encoder.txt").unlink()
    shutil.rmtree(shop / "index")
    embeddings.fault = lambda number: (401, {"error": {"message": "no"}})
    settings = settings_for(shop, encoder="letters", embeddings_url=embeddings.url)
    with pytest.raises(UserError, match="gives no vectors"):
        open_parts(settings, None)
    assert not (shop / "encoder.txt").exists()
    embeddings.fault = lambda number: None
    assert open_and_close(settings).startswith("embeddings-1/letters@")
