"""What may leave the house, and that the unknown may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import HumanMessage

from re2llm.masking import MASKED, mask, mask_about, mask_error, mask_text


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
    found = mask({"items": [f"before {secret} after"], "any": [{"text": secret}]})
    told = mask_about({"metadata": {"note": f"before {secret} after"}})
    for masked in (found, told):
        assert secret not in str(masked)
        assert "before" in str(masked)
        assert MASKED in str(masked)


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
    assert mask({"session": [harmless]}) == {"session": [harmless]}


def test_what_a_shopper_said_is_masked_whole() -> None:
    assert mask({"request": "for my mother", "k": 5}) == {"request": MASKED, "k": 5}
    assert mask({"feedback": {"chosen": "i1", "source": "jo"}})["feedback"] == {
        "chosen": "i1",
        "source": MASKED,
    }
    assert mask({"request": None}) == {"request": None}


SAID = "my mother is ill"


@pytest.mark.parametrize(
    "where",
    [
        {"messages": [{"role": "user", "content": SAID}]},
        {"messages": [("human", SAID)]},
        {"messages": [HumanMessage(SAID)]},
        {"messages": [[dumpd(HumanMessage(SAID))]]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": SAID}]}]},
        {"messages": [{"role": "user", "content": f"<session>\n{SAID}"}]},
        {"generations": [[{"text": SAID, "message": dumpd(HumanMessage(SAID))}]]},
        {"memory": {"words": [SAID], "avoid_words": [SAID], "ranges": {SAID: [1, 2]}}},
        {"notices": {"retrieve": [f"{SAID!r} is no attribute"]}},
        {"notices": [SAID]},
        {"understood": {"wish": SAID}},
        {"filters": {"brand": SAID}},
        {"filters": {SAID: 5}},
        {"ranking": {"reasons": {"i1": SAID}}},
        {"new_hints": [{"text": SAID, "reason": SAID}]},
        {"output": SAID},
        {"never heard of": SAID},
    ],
)
def test_a_conversation_stays_here(where: dict[str, object]) -> None:
    assert SAID not in str(mask(where))
    assert MASKED in str(mask(where))


def test_our_own_words_stay_readable() -> None:
    prompt = f"<session>\n1. Mario Kart\n</session>\n<request>\n{SAID}\n</request>"
    shown = str(mask({"messages": [[dumpd(HumanMessage(prompt))]]}))
    assert "Mario Kart" in shown
    assert SAID not in shown
    answer = {"generations": [[{"text": '{"ranking": ["A1", "B2", "AA9"]}'}]]}
    assert mask(answer) == answer
    hint = {"hint": {"hint_id": "h1", "text": "Weigh the platform.", "policy": "p-3"}}
    assert mask(hint) == hint


def test_an_error_keeps_its_kind_alone() -> None:
    assert mask_error(f"UserError({SAID!r})\nTraceback ...") == f"UserError: {MASKED}"
    assert mask_error(f"re2llm.errors.UserError: {SAID}") == f"re2llm.errors.UserError: {MASKED}"
    assert mask_error(SAID) == MASKED


def test_the_unknown_fails_closed() -> None:
    unknown = {"items": object(), "session": b"bytes", "candidates": {1, 2}}
    assert mask(unknown) == dict.fromkeys(unknown, MASKED)
    assert mask_about(unknown) == dict.fromkeys(unknown, MASKED)
    deep: dict[str, object] = {"items": "x-y-z"}
    for _ in range(100):
        deep = {"d": deep}
    assert "x-y-z" not in str(mask(deep))
    assert "x-y-z" not in str(mask_about(deep))
    assert mask("plain") == {"value": MASKED}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=20))
def test_any_json_goes_through(value: object) -> None:
    assert isinstance(mask({"v": value}), dict)


@given(st.text(min_size=4))
def test_no_text_passes_under_a_name_that_is_not_known(text: str) -> None:
    assert mask({"v": {"w": [text]}}) == {"v": {"w": [MASKED]}}
