"""What a caller may hand in, checked before any work is done."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from re2llm.errors import UserError

M = TypeVar("M", bound=BaseModel)

MAX_IDS = 100_000
MAX_WORDS = 20_000

ItemId = Annotated[str, Field(min_length=1, max_length=512)]


class FeedbackIn(BaseModel):
    """What the shopper did with the slate: the item taken, or None for nothing taken."""

    model_config = ConfigDict(extra="forbid", strict=True)

    chosen: ItemId | None
    source: str | None = Field(default=None, max_length=512)
    session: str | None = Field(default=None, max_length=512)
    slate: str | None = Field(default=None, max_length=512)


class RecommendRequest(BaseModel):
    """One request for a slate."""

    model_config = ConfigDict(extra="ignore", strict=True)

    session: list[ItemId] = Field(default_factory=list, max_length=MAX_IDS)
    request: str | None = Field(default=None, max_length=MAX_WORDS)
    candidates: list[ItemId] | None = Field(default=None, max_length=MAX_IDS)
    filters: dict[str, object] | None = None
    k: int = Field(default=10, ge=1, le=1000)
    feedback: FeedbackIn | None = None


def read_request(raw: Mapping[str, object]) -> RecommendRequest:
    """Check a request.

    Raises:
        UserError: naming the first field that is wrong, and what it should be.
    """
    present = {key: value for key, value in raw.items() if value is not None}
    return _checked(RecommendRequest, present, "request")


def read_feedback(raw: object) -> FeedbackIn:
    """Check feedback; raises `UserError` like `read_request`."""
    if not isinstance(raw, Mapping):
        raise UserError(f'feedback is an object such as {{"chosen": "B77"}}, not {raw!r:.80}')
    return _checked(FeedbackIn, dict(raw), "feedback")


def _checked(model: type[M], raw: dict[str, object], what: str) -> M:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or what
        given = repr(first["input"])
        given = given if len(given) <= 80 else given[:77] + "..."
        raise UserError(f"{what}: {where!r}: {first['msg']}; given {given}") from None
