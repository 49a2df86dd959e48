"""What an item is, and the catalogue that holds them all."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

AttributeValue = str | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that a shopper can pick.

    `title` is plain text (entities resolved, no control characters). Attribute names that the rest
    reads where they exist: `brand`, `category` (broad to narrow), `platform`, `genres`, `year`,
    `price`, `description`, `available` (0 means out of stock).
    """

    item_id: str
    title: str
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)

    def __hash__(self) -> int:
        """Hash by id, so that what follows from an item alone can be kept."""
        return hash(self.item_id)


class Catalog:
    """All items, addressed by id or by position.

    Positions are dense integers, 0 to `len(catalog) - 1`, in the order given, so that retrievers
    can work on arrays.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        """Index the items.

        Raises:
            ValueError: two items share an id.
        """
        self.items: tuple[Item, ...] = tuple(items)
        self._positions = {item.item_id: position for position, item in enumerate(self.items)}
        if len(self._positions) != len(self.items):
            seen: set[str] = set()
            for item in self.items:
                if item.item_id in seen:
                    raise ValueError(f"item id {item.item_id!r} occurs twice in the catalogue")
                seen.add(item.item_id)

    def __len__(self) -> int:
        """Count the items."""
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        """Walk the items in order of position."""
        return iter(self.items)

    def __contains__(self, item_id: object) -> bool:
        """Say whether an item of this id exists."""
        return item_id in self._positions

    def __getitem__(self, item_id: str) -> Item:
        """Return the item of this id; raises `KeyError` where there is none."""
        return self.items[self._positions[item_id]]

    def get(self, item_id: str) -> Item | None:
        """Return the item of this id, or None."""
        position = self._positions.get(item_id)
        return None if position is None else self.items[position]

    def position(self, item_id: str) -> int | None:
        """Return the position of this id, or None."""
        return self._positions.get(item_id)
