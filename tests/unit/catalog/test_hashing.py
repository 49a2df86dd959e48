"""Hints that say the same lie near each other; the vectors never change."""

import hashlib

import numpy as np

from re2llm.catalog.hashing import HashingEncoder


def test_rows_have_length_one_or_say_nothing() -> None:
    rows = HashingEncoder().encode(["Prefer the latest item.", "", "the of and"])
    assert np.linalg.norm(rows, axis=1).round(5).tolist() == [1.0, 0.0, 0.0]


def test_same_advice_in_other_endings_is_near_and_other_advice_is_far() -> None:
    hint, same, other = HashingEncoder().encode(
        [
            "Prefer items of the same brand.",
            "Prefer an item of the same brands.",
            "Favour cheap accessories over consoles.",
        ]
    )
    assert hint @ same > 0.9
    assert abs(hint @ other) < 0.2


def test_vectors_are_the_same_on_every_machine() -> None:
    row = HashingEncoder(64).encode(["Weigh the most recent click highest."])
    digest = hashlib.sha256(row.round(4).tobytes()).hexdigest()[:12]
    assert digest == "a230a2185a93"
