"""Vectors from a server: batched, kept, asked for again where that helps, else given up on."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from embeddings_server import Embeddings
from pydantic import SecretStr

from re2llm.catalog.encoder import EncoderUnavailable, encode_or_none
from re2llm.errors import UserError
from re2llm.llm.embeddings import RemoteEncoder
from re2llm.llm.patience import Patience

QUICK = Patience(deadline=5.0, attempts=3, pause=0.01)


@pytest.fixture
def server() -> Iterator[Embeddings]:
    with Embeddings().running() as made:
        yield made


@pytest.fixture
def encoder(server: Embeddings, tmp_path: Path) -> Iterator[RemoteEncoder]:
    made = open_encoder(server, tmp_path)
    yield made
    made.close()


def open_encoder(server: Embeddings, folder: Path, key: str | None = None) -> RemoteEncoder:
    return RemoteEncoder(
        model="letters",
        url=server.url,
        key=SecretStr(key) if key else None,
        kept=folder / "vectors.sqlite",
        patience=QUICK,
    )


def test_vectors_come_in_order_of_length_one(encoder, server):
    rows = encoder.encode(["aab", "  ", "c", "aab"])
    assert rows[0] == pytest.approx(np.array([2, 1, 0, 1]) / 6**0.5)
    assert (rows[1] == 0).all()
    assert rows[2] == pytest.approx(np.array([0, 0, 1, 1]) / 2**0.5)
    assert (rows[3] == rows[0]).all()
    assert [one["input"] for one in server.requests] == [["aab", "c"]]
    assert encoder.dim == 4


def test_many_texts_go_in_batches_and_are_paid_for_once(encoder, server, tmp_path):
    texts = [f"a{i}" for i in range(150)]
    first = encoder.encode(texts)
    assert [len(one["input"]) for one in server.requests] == [64, 64, 22]
    again = open_encoder(server, tmp_path)
    assert (again.encode([*texts, "new"])[:150] == first).all()
    assert [one["input"] for one in server.requests[3:]] == [["new"]]
    again.close()


def test_a_single_text_is_not_kept(encoder, server, tmp_path):
    encoder.encode(["what a shopper wrote"])
    encoder.encode(["what a shopper wrote"])
    assert len(server.requests) == 2
    assert all(b"shopper" not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_comes_back_is_asked_again(encoder, server, status):
    server.fault = lambda number: (status, {"error": {"message": "later"}}) if number < 3 else None
    assert encoder.encode(["a"]).shape == (1, 4)
    assert len(server.requests) == 3


def test_a_refusal_is_not_asked_again_and_tells_no_key(server, tmp_path):
    server.fault = lambda number: (401, {"error": {"message": "no such key"}})
    encoder = open_encoder(server, tmp_path, key="sk-secret")
    with pytest.raises(EncoderUnavailable, match="RE2LLM_ENCODER=lexical") as caught:
        encoder.encode(["a"])
    assert len(server.requests) == 1
    assert server.keys == ["Bearer sk-secret"]
    assert "sk-secret" not in str(caught.value)
    encoder.close()


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"object": "embedding", "index": 0, "embedding": [None, 1.0]}],
        [{"object": "embedding", "index": 0, "embedding": []}],
        [{"object": "embedding", "index": 7, "embedding": [1.0]}],
    ],
)
def test_answers_that_are_no_vectors_are_never_used(encoder, server, data):
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    answer = {"object": "list", "model": "m", "data": data, "usage": usage}
    server.fault = lambda number: (200, answer)
    with pytest.raises(EncoderUnavailable):
        encoder.encode(["a"])
    assert len(server.requests) == QUICK.attempts


def test_what_was_paid_for_before_a_failure_is_kept(encoder, server):
    server.fault = lambda number: (400, {"error": {"message": "no"}}) if number == 2 else None
    texts = [f"a{i}" for i in range(70)]
    with pytest.raises(EncoderUnavailable):
        encoder.encode(texts)
    encoder.encode(texts)
    assert [len(one["input"]) for one in server.requests] == [64, 6, 6]


def test_a_wish_can_do_without(encoder, server):
    server.fault = lambda number: (401, {"error": {"message": "no"}})
    assert encode_or_none(encoder, "a wish") is None
    server.fault = lambda number: None
    assert encode_or_none(encoder, "a wish") is not None


def test_openai_itself_needs_a_key(tmp_path):
    with pytest.raises(UserError, match="RE2LLM_EMBEDDINGS_KEY"):
        RemoteEncoder(model="m", url=None, key=None, kept=tmp_path / "v.sqlite")
