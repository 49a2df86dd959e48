"""What OpenAI's protocol says, in the words of llama.cpp's server for Python and back."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LONGEST = 1024
"""Tokens of an answer, where nothing else is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One prompt's tokens.

    Attributes:
        tokens: the prompt, cut into its tokens' texts.
        logprobs: natural log-probability of each token after all before it; None for the first.
        shared: how many leading tokens were not computed for this prompt alone.
    """

    tokens: tuple[str, ...]
    logprobs: tuple[float | None, ...]
    shared: int


def chat_request(said: Mapping[str, object]) -> dict[str, object]:
    """Return a request for a chat's answer without what the server does not know.

    It limits an answer by `max_tokens` alone, and takes a schema only beside `json_object`. Where
    no limit is asked for, there is one all the same: a small model may run on and on.
    """
    body = dict(said)
    most = body.pop("max_completion_tokens", None)
    if most is None:
        most = body.get("max_tokens")
    body["max_tokens"] = LONGEST if most is None else most
    form = body.get("response_format")
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        wanted = form.get("json_schema")
        schema = wanted.get("schema") if isinstance(wanted, Mapping) else None
        body["response_format"] = {"type": "json_object", "schema": schema}
    return body


def completion(model: str, prompts: Sequence[str], found: Sequence[Read]) -> dict[str, object]:
    """Return the answer to a completion with `echo`, `logprobs` and no new tokens."""
    choices = []
    for index, (prompt, read) in enumerate(zip(prompts, found, strict=True)):
        offsets, at = [], 0
        for text in read.tokens:
            offsets.append(at)
            at += len(text)
        logprobs = {
            "tokens": read.tokens,
            "token_logprobs": read.logprobs,
            "text_offset": offsets,
            "top_logprobs": None,
        }
        choice = {"index": index, "text": prompt, "finish_reason": "length"}
        choices.append({**choice, "logprobs": logprobs})
    tokens = sum(len(read.tokens) for read in found)
    return {
        "id": f"cmpl-{uuid.uuid4()}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": {
            "prompt_tokens": tokens,
            "completion_tokens": 0,
            "total_tokens": tokens,
            "prompt_tokens_details": {"cached_tokens": sum(read.shared for read in found[1:])},
        },
    }


def refusal(message: str, code: str | None = None) -> dict[str, object]:
    """Return the body of a refused request."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return {"error": error}
