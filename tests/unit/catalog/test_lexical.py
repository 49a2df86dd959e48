"""The catalogue's own encoder: like texts near, the same each time, refused when damaged."""

import numpy as np
import pytest

from re2llm.catalog.lexical import LexicalEncoder, words
from re2llm.errors import UserError

_TITLES = [
    f"{kind} {noun} {n}"
    for n in range(12)
    for kind, noun in (
        ("PlayStation", "console"),
        ("PlayStation", "controller"),
        ("Gamepad", "controller"),
        ("Garden", "spade"),
        ("Garden", "rake"),
    )
]


@pytest.fixture(scope="module")
def fitted() -> LexicalEncoder:
    return LexicalEncoder.fit(_TITLES, dim=68)


def test_words_are_folded():
    assert words("The Games of CHESS, and Xbox-360s!") == ["game", "chess", "xbox", "360"]


def test_texts_of_like_words_are_near(fitted):
    a, b, c = fitted.encode(["Gamepad 3", "controllers for a gamepad", "garden rake"])
    assert a @ b > 0.5 > a @ c


def test_vectors_have_length_one_or_zero(fitted):
    rows = fitted.encode(["PlayStation", "zebra crossing", "", "!!! the", "garden zebra"])
    assert rows.dtype == np.float32
    assert rows.shape == (5, fitted.dim)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 0, 0, 1], abs=1e-5)


def test_unknown_words_still_tell_texts_apart(fitted):
    a, b, c = fitted.encode(["prefer zebra crossings", "zebra crossing preferred", "volcano"])
    assert a @ b > 0.5
    assert abs(a @ c) < 0.5


def test_saved_is_the_same(fitted, tmp_path):
    fitted.save(tmp_path / "encoder.npz")
    loaded = LexicalEncoder.load(tmp_path / "encoder.npz")
    assert loaded.identity == fitted.identity
    assert np.array_equal(loaded.encode(_TITLES[:9]), fitted.encode(_TITLES[:9]))


def test_another_catalogue_is_another_identity(fitted):
    assert LexicalEncoder.fit(_TITLES[:-5], dim=68).identity != fitted.identity
    assert LexicalEncoder.fit(_TITLES, dim=68).identity == fitted.identity


@pytest.mark.parametrize("texts", [[], ["one"], ["", ""], ["same words", "same words"]])
def test_small_catalogues_are_no_error(texts):
    assert LexicalEncoder.fit(texts).encode(["one", *texts]).shape == (len(texts) + 1, 192)


def test_too_short_vectors_are_refused():
    with pytest.raises(ValueError, match="dim is 64"):
        LexicalEncoder.fit(_TITLES, dim=64)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"x" * 99])
def test_a_damaged_file_is_a_clear_error(tmp_path, content):
    (tmp_path / "encoder.npz").write_bytes(content)
    with pytest.raises(UserError, match="re2llm ingest"):
        LexicalEncoder.load(tmp_path / "encoder.npz")
    with pytest.raises(UserError, match="cannot be read"):
        LexicalEncoder.load(tmp_path / "missing.npz")
