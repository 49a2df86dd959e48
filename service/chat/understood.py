"""What a message was understood to say."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Act(StrEnum):
    """What the shopper does by a message."""

    WISH = "wish"
    """Asks for items, or changes what was asked for."""
    MORE = "more"
    """Wants others for the same wish."""
    EXPLAIN = "explain"
    """Asks about shown items."""
    TAKE = "take"
    """Takes a shown item."""
    LIKE = "like"
    """Likes a shown item."""
    REJECT = "reject"
    """Turns down all that is shown."""
    RECALL = "recall"
    """Asks what is remembered."""
    RESET = "reset"
    """Wants to begin again."""
    HELP = "help"
    GREET = "greet"
    THANK = "thank"
    HOSTILE = "hostile"
    UNDO = "undo"
    """Wants to take back what was taken."""
    OFF_TOPIC = "off topic"
    """Asks for something that is not this shop's business."""
    UNCLEAR = "unclear"


class Limit(BaseModel):
    """A limit on a numeric attribute; an open end is null."""

    attribute: str
    low: float | None = None
    high: float | None = None


class Said(BaseModel):
    """A value of an attribute, in the catalogue's words."""

    attribute: str
    value: str


class Understood(BaseModel):
    """One message, understood."""

    model_config = ConfigDict(extra="ignore")

    act: Act
    cards: list[int] = Field(default_factory=list)
    """Places of the shown items that are meant; the first is 1."""
    words: list[str] = Field(default_factory=list)
    """What is wanted, in single words, where it is no facet."""
    facets: list[Said] = Field(default_factory=list)
    limits: list[Limit] = Field(default_factory=list)
    avoid: list[Said] = Field(default_factory=list)
    avoid_words: list[str] = Field(default_factory=list)
    allow: list[Said] = Field(default_factory=list)
    """Values that are unwanted no longer, and not wished for either."""
    allow_words: list[str] = Field(default_factory=list)
    drop: list[str] = Field(default_factory=list)
    """Attributes whose limits and facets no longer hold."""
    refuse: list[int] = Field(default_factory=list)
    """Places of shown items that are not wanted."""
    like: int | None = None
    """Place of the shown item that others should be like."""
    step: int = 0
    """-1 for cheaper, 1 for dearer, than what is shown."""
    newer: int = 0
    """1 for newer, -1 for older, than what is shown."""
    best: str | None = None
    """`cheapest`, `dearest`, `newest` or `oldest`: which items of the wish are asked for."""
    also: bool = False
    """Whether values join those that were asked for before: "also for Orbit 5"."""
    fresh: bool = False
    """Whether a new wish takes the place of the old one."""
    correction: bool = False
    """Whether it corrects what was understood before: the shown items were wrong."""
    fact: str | None = None
    """What is asked about the items, in the shopper's words."""
    unknown: list[str] = Field(default_factory=list)
    """Words that no item of the catalogue has."""
    taken: dict[str, str] = Field(default_factory=dict)
    """Misspelt words, each with the value of the shop that it was taken for."""
    beyond: bool = False
    """Whether it points at a card that is not there."""
    anything: bool = False
    """Whether the shopper leaves the choice to the shop."""
    by: str = "rules"
    """`rules` or `model`."""
    fault: str | None = None
    """Why the rules read it though a model was asked."""
