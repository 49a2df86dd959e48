"""What can go wrong between us and a language model, by who must act."""

from re2llm.llm.usage import Usage


class ModelError(Exception):
    """The model, or the way to it, failed.

    Attributes:
        retryable: whether asking again can help.
        usage: what was paid before it failed.
        says: what happened, in words for whoever reads the slate's notices.
    """

    says: str = "the model failed"
    retryable: bool = False
    usage: Usage = Usage()


class ModelUnavailable(ModelError):
    """Time-out, cut connection, overload or server error: try again later."""

    says = "the model does not answer"
    retryable = True

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        """Keep what the server said of when to come back, in seconds."""
        super().__init__(message)
        self.wait = wait


class ModelBusy(ModelUnavailable):
    """The server asks for fewer requests."""

    says = "the model's server asks for fewer requests"


class NoTurn(ModelBusy):
    """Our own limits per minute leave no turn in time; nothing was sent."""

    says = "the limits per minute leave no turn in time"
    retryable = False


class ModelResting(ModelUnavailable):
    """So many requests failed in a row that none is sent for a while."""

    says = "the model failed too often and is not asked for a while"
    retryable = False


class ModelRefused(ModelError):
    """The server refuses this request: wrong key, unknown model, content filter, bad parameter."""

    says = "the model's server refuses the request"


class ContextTooLong(ModelError):
    """The prompt does not fit the model's context: shorten it."""

    says = "the prompt does not fit the model's context"


class AnswerUnreadable(ModelError):
    """The model answered, but nothing in the answer could be used."""

    says = "the model's answer could not be used"
    retryable = True


class BudgetExhausted(ModelError):
    """The call or money budget does not allow another call; all that was paid for is kept."""

    says = "the budget allows no further call"
