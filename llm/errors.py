"""What can go wrong between us and a language model, by who must act."""


class ModelError(Exception):
    """The model, or the way to it, failed. `retryable` says whether asking again can help."""

    retryable: bool = False


class ModelUnavailable(ModelError):
    """Time-out, cut connection, overload or server error: try again later."""

    retryable = True


class ModelRefused(ModelError):
    """The server refuses this request: wrong key, unknown model, content filter, bad parameter."""


class ContextTooLong(ModelError):
    """The prompt does not fit the model's context: shorten it."""


class AnswerUnreadable(ModelError):
    """The model answered, but nothing in the answer could be used."""

    retryable = True


class BudgetExhausted(ModelError):
    """The call or money budget does not allow another call; all that was paid for is kept."""
