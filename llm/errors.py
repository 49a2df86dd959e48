"""What can go wrong between us and a language model, by who must act."""

from re2llm.llm.usage import Usage


class ModelError(Exception):
    """The model, or the way to it, failed.

    Attributes:
        retryable: whether asking again can help.
        usage: what was paid before it failed.
    """

    retryable: bool = False
    usage: Usage = Usage()


class ModelUnavailable(ModelError):
    """Time-out, cut connection, overload or server error: try again later."""

    retryable = True

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        """Keep what the server said of when to come back, in seconds."""
        super().__init__(message)
        self.wait = wait


class ModelBusy(ModelUnavailable):
    """The server asks for fewer requests."""


class NoTurn(ModelBusy):
    """Our own limits per minute leave no turn in time; nothing was sent."""

    retryable = False


class ModelResting(ModelUnavailable):
    """So many requests failed in a row that none is sent for a while."""

    retryable = False


class ModelRefused(ModelError):
    """The server refuses this request: wrong key, unknown model, content filter, bad parameter."""


class ContextTooLong(ModelError):
    """The prompt does not fit the model's context: shorten it."""


class AnswerUnreadable(ModelError):
    """The model answered, but nothing in the answer could be used."""

    retryable = True


class BudgetExhausted(ModelError):
    """The call or money budget does not allow another call; all that was paid for is kept."""
