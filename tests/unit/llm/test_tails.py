"""How likely the end of a prompt is, out of what a server tells of all of it."""

import math

import pytest
from openai.types import CompletionChoice
from openai.types.completion_choice import Logprobs
from score_server import ScoreServer

from re2llm.llm.tails import tail, tail_after


def test_the_tail_holds_what_begins_after_the_prefix():
    given = CompletionChoice.model_construct(
        logprobs=Logprobs.model_construct(
            **ScoreServer().choice(0, "one two three four")["logprobs"]
        )
    )
    start = len("one two")
    assert tail(given, start, len("one two three four")) == pytest.approx((2 * math.log(0.5), 2))
    straddled = start - 1
    assert tail(given, straddled, len("one two three four"))[1] == 3
    assert tail(given, start, len("one two three"))[1] == 1


def test_a_token_joined_over_the_prefixs_end_belongs_to_the_tail():
    prefix = [("", None), ("1", -1.0), ("2", -1.0)]
    assert tail_after(prefix, [*prefix, ("3", -2.0), ("4", -0.5)]) == (-2.5, 2)
    assert tail_after(prefix, [*prefix[:2], ("23", -3.0), ("4", -0.5)]) == (-3.5, 2)
    with pytest.raises(ValueError, match="follows"):
        tail_after(prefix, prefix)
