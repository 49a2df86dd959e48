"""The words that llama.cpp's server is spoken to in, and those it is made to answer in."""

import openai

from re2llm.llm.local.protocol import LONGEST, Read, chat_request, completion, refusal
from re2llm.llm.score_model import tail


def test_a_schema_and_a_limit_are_put_into_its_words():
    schema = {"type": "object"}
    form = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    said = {"model": "m", "response_format": form, "max_completion_tokens": 7}
    assert chat_request(said) == {
        "model": "m",
        "response_format": {"type": "json_object", "schema": schema},
        "max_tokens": 7,
    }
    assert said["response_format"] is form


def test_what_it_knows_stays_as_it_is():
    said = {"model": "m", "response_format": {"type": "json_object"}, "max_tokens": 3}
    assert chat_request(said) == said


def test_no_answer_is_without_end():
    assert chat_request({"model": "m"})["max_tokens"] == LONGEST
    assert chat_request({"model": "m", "max_tokens": None})["max_tokens"] == LONGEST
    assert chat_request({"model": "m", "max_tokens": 0})["max_tokens"] == 0


def test_an_answer_is_read_by_openais_client():
    prompts = ["one two", "one three"]
    found = [
        Read(tokens=("one", " two"), logprobs=(None, -1.5), shared=1),
        Read(tokens=("one", " th", "ree"), logprobs=(None, -2.0, -0.5), shared=1),
    ]
    made = openai.types.Completion.construct(**completion("m", prompts, found))
    assert [
        tail(choice, 3, len(prompt)) for choice, prompt in zip(made.choices, prompts, strict=True)
    ] == [
        (-1.5, 1),
        (-2.5, 2),
    ]
    assert made.usage.prompt_tokens == 5
    assert made.usage.prompt_tokens_details.cached_tokens == 1


def test_a_refusal_names_its_code():
    assert refusal("too long", "context_length_exceeded")["error"] == {
        "message": "too long",
        "type": "invalid_request_error",
        "param": None,
        "code": "context_length_exceeded",
    }
