"""What comes in and goes out over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from re2llm.catalog.items import AttributeValue
from re2llm.graph.slate import SlateItem
from re2llm.service.asked import Served
from re2llm.service.sessions import Kind, SessionRecord
from re2llm.service.slates import SlateRecord

ItemId = Annotated[str, Field(min_length=1, max_length=512)]


class Body(BaseModel):
    """What a request brings; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


def sane(value: object) -> object:
    """Return a value that holds no number without end and no half character; else `ValueError`."""
    if isinstance(value, Mapping):
        for entry in value.values():
            sane(entry)
    elif isinstance(value, list):
        for entry in value:
            sane(entry)
    elif isinstance(value, (int, float)) and not -1e15 < value < 1e15:
        raise ValueError("a number is not finite, or beyond 1e15")
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("a text holds half a character") from None
    return value


class RecommendIn(Body):
    """What a slate is wanted for; all of it is optional."""

    session_id: str | None = Field(default=None, max_length=64)
    session: list[ItemId] = Field(default_factory=list, max_length=1000)
    """Item ids, oldest first; they follow those of `session_id`."""
    request: str | None = Field(default=None, max_length=2000)
    k: int | None = Field(default=None, ge=1, le=50)
    filters: Annotated[dict[str, object], AfterValidator(sane)] | None = Field(
        default=None, examples=[{"price": {"max": 50}, "brand": ["Acme"]}]
    )
    candidates: list[ItemId] | None = Field(default=None, max_length=500)
    hint: str = Field(default="policy", max_length=64)
    """`policy`, `none`, or a hint's id."""


class CardOut(BaseModel):
    """One shown item; facts from the catalogue alone."""

    item_id: str
    title: str
    attributes: dict[str, AttributeValue]
    reasons: list[str] = []


class SlateOut(BaseModel):
    """A slate; feedback names its `slate_id`."""

    slate_id: str
    items: list[CardOut]
    hint: str | None
    hint_id: str | None
    degraded: str | None
    """Why the model's word is not (fully) behind this order, or null."""
    notices: list[str]


class FeedbackIn(Body):
    """What the shopper took, or null for nothing."""

    chosen: ItemId | None
    shopper: str | None = Field(default=None, min_length=1, max_length=128)
    """Who took it: any opaque id that stays the same for one shopper; only a digest is kept. New
    hints need feedback from independent shoppers. Not believed of a chat key."""


class NewHintOut(BaseModel):
    """What became of a hint that reflection proposed."""

    hint_id: str
    text: str
    status: str
    reason: str


class LearntOut(BaseModel):
    """What is known of a slate and its feedback."""

    slate_id: str
    at: float
    shown: list[str]
    hint: str | None
    hint_id: str | None
    state: Literal["waiting", "pending", "done"]
    """`waiting` for feedback; `pending` while the system reflects on it; `done`."""
    chosen: str | None = None
    error: bool | None = None
    """Whether the taken item was missing from the shown places."""
    new_hints: list[NewHintOut] = []
    notices: list[str] = []


class EventIn(Body):
    """One thing that happened to one item."""

    kind: Kind
    item_id: ItemId
    slate_id: str | None = Field(default=None, max_length=64)


class EventsIn(Body):
    """Events, oldest first; all are noted or none."""

    events: list[EventIn] = Field(min_length=1, max_length=500)


class EventOut(BaseModel):
    """A noted event; `at` is in seconds since 1970."""

    kind: Kind
    item_id: str
    title: str
    slate_id: str | None
    at: float


class SessionOut(BaseModel):
    """A session: what happened, and what the recommender reads of it."""

    session_id: str
    events: list[EventOut]
    items: list[str]


def card_out(item: SlateItem, notes: Sequence[str]) -> CardOut:
    """Make a card; its reasons are what retrieval found, never what a model wrote."""
    return CardOut(
        item_id=item.item_id,
        title=item.title,
        attributes=dict(item.attributes),
        reasons=list(notes),
    )


def slate_out(served: Served) -> SlateOut:
    """Make a slate."""
    slate = served.slate
    return SlateOut(
        slate_id=slate.id,
        items=[card_out(item, served.notes.get(item.item_id, ())) for item in slate.items],
        hint=slate.hint,
        hint_id=slate.hint_id,
        degraded=slate.degraded,
        notices=list(slate.notices),
    )


def learnt_out(record: SlateRecord) -> LearntOut:
    """Tell what is known of a slate."""
    learnt = record.learnt
    out = LearntOut(
        slate_id=record.slate_id,
        at=record.at,
        shown=list(record.shown),
        hint=record.hint,
        hint_id=record.hint_id,
        state="waiting" if record.given is None else "done" if learnt else "pending",
        chosen=record.given.chosen if record.given else None,
    )
    if learnt is not None:
        out.error = learnt.error
        out.new_hints = [NewHintOut.model_validate(hint) for hint in learnt.new_hints]
        out.notices = [*learnt.notices, *([learnt.fault] if learnt.fault else [])]
    return out


def session_out(record: SessionRecord, titles: Mapping[str, str]) -> SessionOut:
    """Tell of a session; items that left the catalogue keep their id as title."""
    return SessionOut(
        session_id=record.session_id,
        events=[
            EventOut(
                kind=event.kind,
                item_id=event.item_id,
                title=titles.get(event.item_id, event.item_id),
                slate_id=event.slate_id,
                at=event.at,
            )
            for event in record.events
        ],
        items=list(record.items),
    )
