"""Hard limits on what may be recommended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from re2llm.catalog.items import AttributeValue, Item
from re2llm.errors import UserError


@dataclass(frozen=True, slots=True)
class Range:
    """A closed interval of numbers; an open end is None, never both."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions that every recommended item meets, before and after the model.

    Attributes:
        equal: attribute to the values of which one must match (case-insensitive; an attribute that
            is a list matches by any of its entries).
        ranges: attribute to an interval; an item without the attribute does not match.
        exclude: item ids that must not appear.
        exclude_seen: whether the session's own items must not appear.
    """

    equal: Mapping[str, tuple[AttributeValue, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    exclude: frozenset[str] = frozenset()
    exclude_seen: bool = False

    @classmethod
    def parse(cls, raw: Mapping[str, object] | None) -> "Filters":
        """Read the JSON form.

        `{"brand": "Acme"}`, `{"platform": ["PS4", "PS5"]}`, `{"price": {"min": 5, "max": 50}}`,
        `{"exclude_ids": ["B1"]}`, `{"exclude_seen": true}`; all conditions must hold.

        Raises:
            UserError: a range without bounds or with crossed bounds, an empty list, a value that is
                neither text nor number.
        """
        equal: dict[str, tuple[AttributeValue, ...]] = {}
        ranges: dict[str, Range] = {}
        exclude: frozenset[str] = frozenset()
        exclude_seen = False
        for name, value in (raw or {}).items():
            if name == "exclude_ids":
                if not isinstance(value, (list, tuple)):
                    raise UserError(f"filter 'exclude_ids' takes a list of item ids, not {value!r}")
                exclude = frozenset(str(entry) for entry in value)
            elif name == "exclude_seen":
                if not isinstance(value, bool):
                    raise UserError(f"filter 'exclude_seen' takes true or false, not {value!r}")
                exclude_seen = value
            elif isinstance(value, Mapping):
                ranges[name] = _range(name, value)
            else:
                equal[name] = _values(name, value)
        return cls(equal=equal, ranges=ranges, exclude=exclude, exclude_seen=exclude_seen)

    def allows(self, item: Item) -> bool:
        """Say whether the item meets every condition but `exclude_seen`, which needs a session."""
        if item.item_id in self.exclude:
            return False
        for name, interval in self.ranges.items():
            value = item.attributes.get(name)
            if isinstance(value, (str, tuple)) or value is None:
                return False
            if interval.low is not None and value < interval.low:
                return False
            if interval.high is not None and value > interval.high:
                return False
        for name, wanted in self.equal.items():
            value = item.attributes.get(name)
            held = value if isinstance(value, tuple) else (value,)
            if not {_fold(v) for v in held if v is not None} & {_fold(v) for v in wanted}:
                return False
        return True


def _fold(value: AttributeValue) -> str | float | tuple[str, ...]:
    return value.casefold().strip() if isinstance(value, str) else value


def _range(name: str, value: Mapping[str, object]) -> Range:
    unknown = set(value) - {"min", "max"}
    if unknown:
        raise UserError(f"filter {name!r}: unknown key {sorted(unknown)[0]!r}; use 'min' and 'max'")
    bounds: dict[str, float | None] = {"min": None, "max": None}
    for end in bounds:
        bound = value.get(end)
        if bound is None:
            continue
        if isinstance(bound, bool) or not isinstance(bound, (int, float)) or bound != bound:
            raise UserError(f"filter {name!r}: {end!r} must be a number, not {bound!r}")
        bounds[end] = float(bound)
    low, high = bounds["min"], bounds["max"]
    if low is None and high is None:
        raise UserError(
            f"filter {name!r} has no bounds; give 'min', 'max' or both, or leave it out"
        )
    if low is not None and high is not None and low > high:
        raise UserError(f"filter {name!r}: 'min' {low:g} is above 'max' {high:g}")
    return Range(low, high)


def _values(name: str, value: object) -> tuple[AttributeValue, ...]:
    entries = list(value) if isinstance(value, (list, tuple)) else [value]
    if not entries:
        raise UserError(f"filter {name!r} lists no value; leave it out to allow everything")
    values: list[AttributeValue] = []
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, (str, int, float)):
            raise UserError(f"filter {name!r}: {entry!r} is neither text nor a number")
        values.append(entry)
    return tuple(values)
