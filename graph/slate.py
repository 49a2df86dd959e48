"""What an application gets back: a slate, and what came of its feedback."""

from collections.abc import Sequence
from dataclasses import dataclass

from re2llm.catalog.items import AttributeValue, Catalog
from re2llm.graph.state import RecommendOutput
from re2llm.llm.usage import Usage
from re2llm.nodes.state import NewHint


@dataclass(frozen=True, slots=True, kw_only=True)
class SlateItem:
    """One shown item; everything but `reason` is from the catalogue."""

    item_id: str
    title: str
    attributes: dict[str, AttributeValue]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slate:
    """The first k places, and how they came about.

    Attributes:
        id: what feedback must name.
        hint: the advice that the model was given, or None.
        degraded: why the model's word is not (fully) behind this order, or None.
        notices: what was ignored, repaired or fallen back to, in words.
    """

    id: str
    items: tuple[SlateItem, ...]
    hint: str | None
    hint_id: str | None
    degraded: str | None
    notices: tuple[str, ...]
    usage: Usage

    @property
    def item_ids(self) -> tuple[str, ...]:
        """List the shown items' ids, best first."""
        return tuple(item.item_id for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of feedback.

    Attributes:
        error: whether the taken item was missing from the shown places.
        new_hints: what reflection proposed, and what became of it.
    """

    error: bool
    new_hints: tuple[NewHint, ...]
    notices: tuple[str, ...]
    usage: Usage


def read_slate(output: RecommendOutput, catalog: Catalog) -> Slate:
    """Read the graph's output."""
    ranking, hint = output["ranking"], output["hint"]
    shown = [catalog[item_id] for item_id in ranking["items"][: output["k"]]]
    return Slate(
        id=output.get("slate_id", ""),
        items=tuple(
            SlateItem(
                item_id=item.item_id,
                title=item.title,
                attributes=dict(item.attributes),
                reason=ranking["reasons"].get(item.item_id),
            )
            for item in shown
        ),
        hint=hint["text"],
        hint_id=hint["hint_id"],
        degraded=ranking["degraded"],
        notices=read_notices(output),
        usage=read_usage(output),
    )


def read_notices(output: RecommendOutput, steps: Sequence[str] = ()) -> tuple[str, ...]:
    """Join the notices of these steps, or of all."""
    notices = output.get("notices", {})
    return tuple(note for step in steps or notices for note in notices.get(step, []))


def read_usage(output: RecommendOutput, steps: Sequence[str] = ()) -> Usage:
    """Add up the bills of these steps, or of all."""
    bills = output.get("usage", {})
    total = Usage()
    for step in steps or bills:
        bill = bills.get(step, {})
        total += Usage(
            calls=int(bill.get("calls", 0)),
            cache_hits=int(bill.get("cache_hits", 0)),
            input_tokens=int(bill.get("input_tokens", 0)),
            cached_tokens=int(bill.get("cached_tokens", 0)),
            output_tokens=int(bill.get("output_tokens", 0)),
            cost=bill.get("cost", 0.0),
            timed_out=int(bill.get("timed_out", 0)),
        )
    return total
