"""Which of our errors a library's error is."""

import openai
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.exceptions import ModelError as LibraryModelError

from re2llm.llm.errors import (
    AnswerUnreadable,
    ContextTooLong,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelUnavailable,
)

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)
"""What client libraries raise over a reply that is not of the protocol's form."""

FAULTS = (openai.OpenAIError, LibraryModelError, OSError, *UNREADABLE)
"""All that a request can end in through no fault of ours."""

_AWAY = (
    ModelConnectionError,
    ModelTimeoutError,
    ModelAPIError,
    openai.APIConnectionError,
    openai.InternalServerError,
    OSError,
)
_LONG = (
    *("context length", "context_length", "context window", "contextwindow", "context size"),
    *("too many tokens", "prompt is too long", "input tokens exceed"),
)
_LONGEST_WAIT = 60.0
_SHOWN = 200


class FormRefused(ModelRefused):
    """The server refuses the request as malformed; another form of answer may do."""


def translate(error: BaseException) -> ModelError:
    """Return our error for a library's."""
    if isinstance(error, ModelError):
        return error
    words = f"{type(error).__name__}: {str(error)[:_SHOWN]}"
    if isinstance(error, ContextOverflowError) or _is_long(error):
        return ContextTooLong(words)
    if isinstance(error, openai.RateLimitError) and error.code == "insufficient_quota":
        return ModelRefused(words)
    if isinstance(error, ModelRateLimitError | openai.RateLimitError):
        return ModelBusy(words, wait=_wait(error))
    if isinstance(error, _AWAY):
        return ModelUnavailable(words, wait=_wait(error))
    if isinstance(error, openai.ContentFilterFinishReasonError) or _is_filter(error):
        return ModelRefused(f"content filter: {words}")
    if isinstance(error, ModelInvalidRequestError | openai.BadRequestError):
        return FormRefused(words)
    if isinstance(error, openai.UnprocessableEntityError):
        return FormRefused(words)
    if isinstance(error, openai.APIStatusError | LibraryModelError):
        return ModelRefused(words)
    return AnswerUnreadable(words)


def _is_long(error: BaseException) -> bool:
    if not isinstance(error, openai.APIStatusError | openai.APIError):
        return False
    said = f"{error} {error.code}".casefold()
    return any(phrase in said for phrase in _LONG)


def _is_filter(error: BaseException) -> bool:
    return isinstance(error, openai.BadRequestError) and error.code == "content_filter"


def _wait(error: BaseException) -> float | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    headers = error.response.headers
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return min(max(float(headers[name]) * scale, 0.0), _LONGEST_WAIT)
        except (KeyError, ValueError):
            continue
    return None
