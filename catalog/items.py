"""What an item is, and the catalogue that holds them all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

AttributeValue = str | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that a shopper can pick.

    `title` is plain text (entities resolved, no control characters). Attribute names that the rest
    reads where they exist: `brand`, `category` (broad to narrow), `platform`, `genres`, `year`,
    `price`, `description`, `available` (0 means out of stock), `removed` (1 means no longer sold).
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
    can work on arrays. A position belongs to its item for good: items are put in at the end or in
    place of themselves, and none goes.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        """Index the items.

        Raises:
            ValueError: two items share an id.
        """
        self._items = list(items)
        self._positions = {item.item_id: position for position, item in enumerate(self._items)}
        if len(self._positions) != len(self._items):
            seen: set[str] = set()
            for item in self._items:
                if item.item_id in seen:
                    raise ValueError(f"item id {item.item_id!r} occurs twice in the catalogue")
                seen.add(item.item_id)

    @property
    def items(self) -> Sequence[Item]:
        """The items in order of position."""
        return self._items

    def put(self, item: Item) -> int:
        """Put an item in, in place of the one with its id if there is one; return its position.

        Readers in other threads see the item before or after, whole. One thread puts at a time.
        """
        position = self._positions.get(item.item_id)
        if position is None:
            position = len(self._items)
            self._items.append(item)
            self._positions[item.item_id] = position
        else:
            self._items[position] = item
        return position

    def __len__(self) -> int:
        """Count the items."""
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        """Walk the items in order of position."""
        return iter(self._items)

    def __contains__(self, item_id: object) -> bool:
        """Say whether an item of this id exists."""
        return item_id in self._positions

    def __getitem__(self, item_id: str) -> Item:
        """Return the item of this id; raises `KeyError` where there is none."""
        return self._items[self._positions[item_id]]

    def get(self, item_id: str) -> Item | None:
        """Return the item of this id, or None."""
        position = self._positions.get(item_id)
        return None if position is None else self._items[position]

    def position(self, item_id: str) -> int | None:
        """Return the position of this id, or None."""
        return self._positions.get(item_id)


class LiveCatalog(Catalog):
    """A catalogue that another may take the place of while it is in use.

    What the new one lacks is still found by id until the next one comes: a request that began
    before may name it.
    """

    def __init__(self, now: Catalog) -> None:
        """Stand for this one."""
        self._now = now
        self._before: Catalog | None = None

    @property
    def now(self) -> Catalog:
        """The catalogue that this stands for."""
        return self._now

    def become(self, other: Catalog) -> None:
        """Stand for another one from now on."""
        self._before, self._now = self._now, other

    @property
    def items(self) -> Sequence[Item]:
        """The items in order of position."""
        return self._now.items

    def put(self, item: Item) -> int:
        """Put an item in; see `Catalog.put`."""
        return self._now.put(item)

    def __len__(self) -> int:
        """Count the items."""
        return len(self._now)

    def __iter__(self) -> Iterator[Item]:
        """Walk the items in order of position."""
        return iter(self._now)

    def __contains__(self, item_id: object) -> bool:
        """Say whether an item of this id exists."""
        return item_id in self._now

    def __getitem__(self, item_id: str) -> Item:
        """Return the item of this id; raises `KeyError` where there is none and was none."""
        found = self.get(item_id)
        if found is None:
            raise KeyError(item_id)
        return found

    def get(self, item_id: str) -> Item | None:
        """Return the item of this id, or None."""
        found = self._now.get(item_id)
        before = self._before
        return before.get(item_id) if found is None and before is not None else found

    def position(self, item_id: str) -> int | None:
        """Return the position of this id, or None."""
        return self._now.position(item_id)


REMOVED = "removed"
"""The attribute that marks an item which is no longer sold; sessions on record still name it."""


def is_sold(item: Item) -> bool:
    """Say whether an item can be recommended: it is not out of stock, and not removed."""
    return item.attributes.get("available") != 0


def removed(item: Item) -> Item:
    """Return an item as it is kept after it was removed."""
    return replace(item, attributes={**item.attributes, "available": 0, REMOVED: 1})
