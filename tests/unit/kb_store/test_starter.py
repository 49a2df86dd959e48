import pytest

from re2llm.kb_store.form import form_fault
from re2llm.kb_store.starter import STARTER
from re2llm.kb_store.words import VERBS


@pytest.mark.parametrize("text", STARTER)
def test_a_starter_hint_would_be_admitted_as_one_that_the_model_wrote(text: str) -> None:
    assert form_fault(text) is None


def test_no_two_starter_hints_open_with_the_same_words() -> None:
    assert len({" ".join(text.split()[:6]) for text in STARTER}) == len(STARTER) > 9
    assert {text.split()[0].casefold() for text in STARTER} <= set(VERBS)
