"""What may leave the house, and that the unknown may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from re2llm.evals.masking import MASKED, mask, mask_text


@pytest.mark.parametrize(
    "secret",
    [
        "jo.doe+shop@mail.example.org",
        "sk-proj-abcdefghijklmnop",
        "lsv2_pt_0123456789abcdef",
        "Bearer abc.def-ghi",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2ln",
        "+49 170 1234567",
        "(555) 123-4567",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "192.168.10.77",
        "<request>something for my mother</request>",
    ],
)
def test_it_is_masked_wherever_it_stands(secret: str) -> None:
    found = mask({"outputs": [{"text": f"before {secret} after"}]})
    assert secret not in str(found)
    assert "before" in str(found)
    assert MASKED in str(found)


@pytest.mark.parametrize(
    "harmless",
    [
        "B00004TEST",
        "0700026657",
        "Mario Kart 8 Deluxe (2017)",
        "price: 19.99",
        "s-123",
        "Final Fantasy X/X-2 HD",
        "2001: A Space Odyssey",
        "h0123456789abcde",
    ],
)
def test_what_a_catalogue_says_stays(harmless: str) -> None:
    assert mask_text(harmless) == harmless


def test_what_a_shopper_said_is_masked_whole() -> None:
    assert mask({"request": "for my mother", "k": 5}) == {"request": MASKED, "k": 5}
    assert mask({"feedback": {"chosen": "i1", "source": "jo"}})["feedback"] == {
        "chosen": "i1",
        "source": MASKED,
    }
    assert mask({"request": None}) == {"request": None}


def test_the_unknown_fails_closed() -> None:
    assert mask({"a": object(), "b": b"bytes", "c": {1, 2}}) == dict.fromkeys("abc", MASKED)
    deep: dict[str, object] = {"secret": "x"}
    for _ in range(100):
        deep = {"d": deep}
    assert "secret" not in str(mask(deep))
    assert mask("plain") == {"value": "plain"}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=20))
def test_any_json_goes_through(value: object) -> None:
    assert isinstance(mask({"v": value}), dict)
